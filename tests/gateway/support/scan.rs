//! Does anything that is written, answered or shown hold a secret? Looked for in all that any test makes the
//! gateway say: access lines, the process's log at its most talkative, problem bodies, metrics, health, the
//! status page, `Debug` of the configuration, the words of a panic, what the program prints.

use std::collections::BTreeSet;
use std::fmt::{self, Debug, Write as _};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{LazyLock, Mutex, Once};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use super::{API_KEY, NIGHT_KEY};

/// Shorter ones would be found in words that are none.
const SHORTEST: usize = 12;
/// A run of a token's characters that is longer is one, where it begins like one.
const LONGEST_WORD: usize = 40;

/// What no text may hold. Tokens and keys in PEM are known by how they look.
static SECRETS: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(|| {
    let known = [API_KEY, NIGHT_KEY].map(str::to_owned);
    Mutex::new(BTreeSet::from(known))
});
/// What was found where nobody could be told at once.
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on this is looked for.
pub fn is_secret(text: &str) {
    let is_one_sign = text
        .bytes()
        .all(|byte| Some(&byte) == text.as_bytes().first());
    if text.len() >= SHORTEST && !is_one_sign {
        SECRETS.lock().unwrap().insert(text.to_owned());
    }
}

/// Fails where this holds a secret.
pub fn look(what: &str, text: &str) {
    note(what, text);
    let found = std::mem::take(&mut *FOUND.lock().unwrap());
    // A test that fails already shall say why.
    assert!(found.is_empty() || std::thread::panicking(), "{found:#?}");
}

fn note(what: &str, text: &str) {
    if let Some(secret) = held(text) {
        let place = text.find(secret.as_str()).unwrap_or_default();
        let around: String = text[..place].chars().rev().take(300).collect();
        let around: String = around.chars().rev().collect();
        let found = format!("{what} holds {secret}, behind: {around}");
        FOUND.lock().unwrap().push(found);
    }
}

/// The secret that a text holds.
pub fn held(text: &str) -> Option<String> {
    let secrets = SECRETS.lock().unwrap();
    if let Some(secret) = secrets.iter().find(|secret| text.contains(secret.as_str())) {
        return Some(secret.clone());
    }
    drop(secrets);
    if text.contains("PRIVATE KEY-----") {
        return Some("a key".to_owned());
    }
    text.match_indices("eyJ").find_map(|(place, _)| {
        let is_of_token = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
        let run: String = text[place..]
            .chars()
            .take_while(|sign| is_of_token(*sign))
            .collect();
        // What a challenge asks a client for is JSON in base64 as well.
        let before = text[..place].trim_end_matches(['"', '\\']);
        (run.len() > LONGEST_WORD && !before.ends_with("claims=")).then_some(run)
    })
}

/// Has all that the gateway logs and all that it panics with looked at from now on.
pub fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = tracing::subscriber::set_global_default(Reader);
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // A test's own may quote what it likes.
            if panic
                .location()
                .is_some_and(|place| place.file().starts_with("src/"))
            {
                note("a panic", &panic.to_string());
            }
            usual(panic);
        }));
    });
}

/// Asks the admin pages by hand: a gateway is dropped where nobody waits.
pub fn pages(admin: SocketAddr) -> std::io::Result<String> {
    let mut shown = String::new();
    for page in ["/metrics", "/readyz", "/status", "/status.json"] {
        let mut stream = TcpStream::connect_timeout(&admin, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let head = format!("GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        shown.push_str(&String::from_utf8_lossy(&bytes));
    }
    Ok(shown)
}

/// Reads every event and keeps none.
struct Reader;

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Reader {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        about.target().starts_with("bearergate")
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(String::new());
        event.record(&mut words);
        note("the log", &words.0);
    }

    fn new_span(&self, about: &span::Attributes<'_>) -> span::Id {
        let mut words = Words(String::new());
        about.record(&mut words);
        note("the log", &words.0);
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut words = Words(String::new());
        values.record(&mut words);
        note("the log", &words.0);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl fmt::Debug for Reader {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Reader")
    }
}
