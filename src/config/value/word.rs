//! One of a few words.

use crate::entra::{Algorithm, Cloud, Endpoint};
use crate::located::words;
use crate::policy::{PrincipalKind, PrincipalRule};
use crate::routing::CallerClaim;
use crate::telemetry::LogFormat;

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

impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.0.to_owned()
    }
}

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
