//! What the requests carry, made before anything is measured: header lines in files.

use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bearergate::clock::UnixTime;
use bearergate::fake::{Contoso, Neighbourhood, Ports, TokenBuilder};

use super::contender::Contender;

pub(super) const TENANT: &str = Contoso::CALC_TENANT;
pub(super) const API: &str = Contoso::CALC_API;
const API_KEY: &str = "bench-0123456789abcdef0123456789abcdef";
/// As many tokens as the verdict cache is to hold on to.
const ROTATING: usize = 1_000;
/// Enough for half a second and more; signing each takes longer than verifying thirty.
const NEVER_SEEN: usize = 20_000;
/// Of those, the ones that only warm up.
const FIRST: usize = 2_000;

/// The issuer that signs, and the files.
pub(super) struct Credentials {
    pub(super) folder: PathBuf,
    pub(super) doors: Neighbourhood,
    _runtime: tokio::runtime::Runtime,
}

/// One contender's header lines.
pub(super) struct Set {
    pub(super) file: PathBuf,
    pub(super) warm_up: Range<usize>,
    pub(super) measured: Range<usize>,
    /// No line may be sent twice.
    pub(super) once: bool,
}

impl Credentials {
    /// Opens the issuer's door and mints every token.
    pub(super) fn new(folder: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let contoso = Contoso::new().unwrap();
        let doors = runtime.block_on(async { contoso.open(Ports::default(), None).unwrap() });
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("key", API_KEY);
        write("secret", contoso.mail_secret.expose());
        write("injected", &format!("X-Api-Key: {API_KEY}"));

        let token = || usual(&contoso);
        let day = Duration::from_secs(24 * 3600);
        let yesterday = UnixTime::now().minus(day);
        let one = line(&token().mint());
        for same in ["pass-through", "public", "bearer"] {
            write(same, &one);
        }
        write("garbage", &one.replace('.', "-"));
        write(
            "expired",
            &line(
                &token()
                    .issued_at(yesterday.minus(day))
                    .expires_at(yesterday)
                    .mint(),
            ),
        );
        write("bad-signature", &line(&forged(&token().mint())));
        write(
            "unknown-kid",
            &line(&token().kid("nobody-published-a-key-by-this-name").mint()),
        );
        let many = mint(&contoso, NEVER_SEEN);
        let few = many
            .lines()
            .take(ROTATING)
            .fold(String::new(), |text, line| text + line + "\n");
        write("rotating", &few);
        write("never-seen", &many);
        Self {
            folder: folder.to_owned(),
            doors,
            _runtime: runtime,
        }
    }

    /// What this contender's requests carry.
    pub(super) fn of(&self, contender: &Contender) -> Set {
        let once = contender.name == "never-seen";
        let (warm_up, measured) = match contender.name {
            "never-seen" => (0..FIRST, FIRST..NEVER_SEEN),
            "rotating" => (0..ROTATING, 0..ROTATING),
            _ => (0..1, 0..1),
        };
        Set {
            file: self.folder.join(contender.name),
            warm_up,
            measured,
            once,
        }
    }
}

/// A token of the usual length, 1.9 KB: a role and twenty groups.
fn usual(contoso: &Contoso) -> TokenBuilder {
    let groups = vec!["0f8b2f4e-7c1d-4a50-9a53-3d2f6f0c9b11"; 20];
    contoso
        .issuer
        .token(TENANT)
        .audience(API)
        .client(Contoso::CALC_CLIENT)
        .role(Contoso::CALC_ROLE)
        .claim("groups", serde_json::json!(groups))
}

/// So many different tokens, by all cores.
fn mint(contoso: &Contoso, count: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let part = || {
        let mut text = String::new();
        for _ in 0..count.div_ceil(cores) {
            writeln!(text, "{}", line(&usual(contoso).mint())).unwrap();
        }
        text
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..cores).map(|_| scope.spawn(part)).collect();
        parts.into_iter().map(|part| part.join().unwrap()).collect()
    })
}

fn line(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// With another signature of the same length.
fn forged(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (first, rest) = signature.split_at(1);
    format!("{message}.{}{rest}", if first == "A" { "B" } else { "A" })
}
