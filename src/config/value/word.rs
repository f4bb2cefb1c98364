//! One of a few words.

use serde_json::{Value as Json, json};

use crate::config::reader::{Read, Reader, suggestion};
use crate::config::schema::Schemas;
use crate::config::tree::NodeId;
use crate::entra::{Algorithm, Cloud, Endpoint};
use crate::policy::{PrincipalKind, PrincipalRule};
use crate::routing::CallerClaim;
use crate::telemetry::LogFormat;

/// So many words are listed where none of them stands.
const MOST_LISTED: usize = 10;

/// Reads one of a few words.
pub(in crate::config) fn word<T: Copy>(
    node: NodeId,
    reader: &mut Reader<'_, '_>,
    words: &[(&str, T)],
) -> Option<T> {
    let listed: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let expected = match &listed[..] {
        [first @ .., last] if (2..=MOST_LISTED).contains(&listed.len()) => {
            format!("{} or {last}", first.join(", "))
        }
        [first @ .., _] if listed.len() > MOST_LISTED => {
            format!("one of {}, …", first[..MOST_LISTED].join(", "))
        }
        _ => listed.join(", "),
    };
    let Some((text, _)) = reader.scalar(node) else {
        reader.unexpected(node, &expected);
        return None;
    };
    let meant = words.iter().find(|(word, _)| *word == text);
    if meant.is_none() {
        let hint = suggestion(text, words.iter().map(|(word, _)| *word));
        reader.unexpected(node, &expected).hint = hint;
    }
    meant.map(|(_, value)| *value)
}

/// The words of a type of the domain.
macro_rules! words {
    ($($kind:ty: $words:expr;)*) => { $(
        impl Read for $kind {
            fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
                word(node, reader, $words)
            }

            fn schema(_: &mut Schemas) -> Json {
                let words: &[(&str, $kind)] = $words;
                json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
            }
        }
    )* };
}

words! {
    Cloud: &[("public", Cloud::Public), ("usgov", Cloud::UsGov), ("china", Cloud::China)];
    Endpoint: &[("v2", Endpoint::V2), ("v1", Endpoint::V1)];
    Algorithm: &[("PS256", Algorithm::Ps256), ("RS256", Algorithm::Rs256)];
    PrincipalRule: &[
        ("app", PrincipalRule::Only(PrincipalKind::App)),
        ("user", PrincipalRule::Only(PrincipalKind::User)),
        ("any", PrincipalRule::Any),
    ];
    LogFormat: &[("json", LogFormat::Json), ("text", LogFormat::Text)];
    CallerClaim: CallerClaim::ALL;
    Level: Level::ALL;
    Verb: Verb::ALL;
    Preserve: &[("preserve", Preserve)];
}

/// `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Level(pub(in crate::config) &'static str);

impl Level {
    const ALL: &'static [(&'static str, Self)] = &[
        ("error", Self("error")),
        ("warn", Self("warn")),
        ("info", Self("info")),
        ("debug", Self("debug")),
        ("trace", Self("trace")),
    ];
}

/// A method of a route. Only registered ones: a misspelt one would never be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Verb(pub(in crate::config) &'static str);

impl Verb {
    const ALL: &'static [(&'static str, Self)] = &[
        ("GET", Self("GET")),
        ("HEAD", Self("HEAD")),
        ("POST", Self("POST")),
        ("PUT", Self("PUT")),
        ("PATCH", Self("PATCH")),
        ("DELETE", Self("DELETE")),
        ("OPTIONS", Self("OPTIONS")),
        ("PROPFIND", Self("PROPFIND")),
        ("PROPPATCH", Self("PROPPATCH")),
        ("MKCOL", Self("MKCOL")),
        ("COPY", Self("COPY")),
        ("MOVE", Self("MOVE")),
        ("LOCK", Self("LOCK")),
        ("UNLOCK", Self("UNLOCK")),
        ("REPORT", Self("REPORT")),
        ("SEARCH", Self("SEARCH")),
        ("QUERY", Self("QUERY")),
    ];
}

/// `host: preserve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Preserve;
