//! What the requests carry, made before anything is measured: header lines in files.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bearergate::clock::UnixTime;
use bearergate::fake::{CertificateAuthority, Contoso, Neighbourhood, Ports, TokenBuilder};

pub(crate) const TENANT: &str = Contoso::CALC_TENANT;
pub(crate) const API: &str = Contoso::CALC_API;
const API_KEY: &str = "bench-0123456789abcdef0123456789abcdef";

/// What one request after another carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// One token over and over: the usual case.
    OneToken,
    /// Some tokens in turn.
    Rotating,
    /// Each token only once.
    NeverSeen,
    ApiKey,
    /// One token of a user's over and over.
    OneUser,
    Garbage,
    Expired,
    BadSignature,
    UnknownKid,
}

impl Carries {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneToken => "one-token",
            Self::Rotating => "rotating",
            Self::NeverSeen => "never-seen",
            Self::ApiKey => "api-key",
            Self::OneUser => "one-user",
            Self::Garbage => "garbage",
            Self::Expired => "expired",
            Self::BadSignature => "bad-signature",
            Self::UnknownKid => "unknown-kid",
        }
    }
}

/// The organisation that signs, its open doors, and the files.
pub(crate) struct Credentials {
    pub(crate) folder: PathBuf,
    pub(crate) doors: Neighbourhood,
    _runtime: tokio::runtime::Runtime,
}

impl Credentials {
    /// Opens the issuer's door and mints every token: so many in rotation, so many to be seen once.
    pub(crate) fn new(folder: &Path, rotating: usize, once: usize) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let contoso = Contoso::new().unwrap();
        let doors = runtime.block_on(async { contoso.open(Ports::default(), None).unwrap() });
        let write = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).unwrap();
        write("key", API_KEY.as_bytes());
        write("secret", contoso.mail_secret.expose().as_bytes());
        write("api-secret", contoso.api_secret.expose().as_bytes());
        write("public.pem", contoso.issuer.signing_key().public_pem());
        let authority = CertificateAuthority::generate().unwrap();
        let own = authority.issue_for_loopback().unwrap();
        write("own.pem", &own.certificate_pem().unwrap());
        write("own.key", &own.key_pem().unwrap());

        let token = || usual(&contoso);
        let yesterday = UnixTime::now().minus(DAY);
        let expired = token().issued_at(yesterday.minus(DAY));
        let stranger = token().kid("nobody-published-a-key-by-this-name");
        let one = line(&token().mint());
        let many = mint(&contoso, once.max(rotating));
        let few: Vec<&str> = many.lines().take(rotating).collect();
        for (carries, text) in [
            (Carries::ApiKey, format!("X-Api-Key: {API_KEY}")),
            (
                Carries::OneUser,
                line(&token().scope("access_as_user").mint()),
            ),
            (Carries::Garbage, one.replace('.', "-")),
            (Carries::OneToken, one),
            (
                Carries::Expired,
                line(&expired.expires_at(yesterday).mint()),
            ),
            (Carries::BadSignature, line(&forged(&token().mint()))),
            (Carries::UnknownKid, line(&stranger.mint())),
            (Carries::Rotating, few.join("\n")),
            (Carries::NeverSeen, many),
        ] {
            write(carries.name(), text.as_bytes());
        }
        Self {
            folder: folder.to_owned(),
            doors,
            _runtime: runtime,
        }
    }

    /// The file of header lines.
    pub(crate) fn file(&self, carries: Carries) -> PathBuf {
        self.folder.join(carries.name())
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

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
