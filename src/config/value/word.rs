//! One of a few words.

use crate::config::ReadinessRule;
use crate::config::file::{ClientAuth, ClientCertificate};
use crate::edge::Spoken;
use crate::entra::{Algorithm, Capability, Cloud, Endpoint};
use crate::located::words;
use crate::outbound::{Applications, Balance, Prints, SigningAlgorithm, UpstreamProtocol};
use crate::policy::{PrincipalKind, PrincipalRule};
use crate::routing::CallerClaim;
use crate::telemetry::LogFormat;

words! {
    Cloud: &[("public", Cloud::Public), ("usgov", Cloud::UsGov), ("china", Cloud::China)];
    Capability: Capability::ALL;
    Endpoint: &[("v2", Endpoint::V2), ("v1", Endpoint::V1)];
    Algorithm: &[("PS256", Algorithm::Ps256), ("RS256", Algorithm::Rs256)];
    PrincipalRule: &[
        ("app", PrincipalRule::Only(PrincipalKind::App)),
        ("user", PrincipalRule::Only(PrincipalKind::User)),
        ("any", PrincipalRule::Any),
    ];
    ReadinessRule: &[("lenient", ReadinessRule::Lenient), ("strict", ReadinessRule::Strict)];
    Spoken: &[
        (Spoken::Http1.word(), Spoken::Http1),
        (Spoken::H2.word(), Spoken::H2),
        (Spoken::H2c.word(), Spoken::H2c),
    ];
    UpstreamProtocol: UpstreamProtocol::ALL;
    LogFormat: &[("json", LogFormat::Json), ("text", LogFormat::Text)];
    CallerClaim: CallerClaim::ALL;
    ClientAuth: ClientAuth::ALL;
    SigningAlgorithm: SigningAlgorithm::ALL;
    Balance: &[
        ("round_robin", Balance::RoundRobin),
        ("least_requests", Balance::LeastRequests),
    ];
    Prints: &[("assertion", Prints::Assertion), ("secret", Prints::Secret)];
    Level: Level::ALL;
    Verb: Verb::ALL;
    Preserve: &[("preserve", Preserve)];
    Caller: &[("caller", Caller)];
    Applications: &[("refuse", Applications::Refuse), ("app_only", Applications::AppOnly)];
    ClientCertificate: &[
        ("none", ClientCertificate::None),
        ("optional", ClientCertificate::Optional),
        ("required", ClientCertificate::Required),
    ];
}

/// Words that are their own meaning.
macro_rules! names {
    ($(#[doc = $about:literal])+ $name:ident: $($word:literal)+) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::config) struct $name(pub(in crate::config) &'static str);

        impl $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self($word))),+];
        }
    };
}

names! {
    /// `log.level`.
    Level: "error" "warn" "info" "debug" "trace"
}

names! {
    /// A method of a route. Only registered ones: a misspelt one would never be met.
    Verb: "GET" "HEAD" "POST" "PUT" "PATCH" "DELETE" "OPTIONS" "PROPFIND" "PROPPATCH" "MKCOL"
        "COPY" "MERGE" "MOVE" "LOCK" "UNLOCK" "REPORT" "SEARCH" "QUERY"
}

/// `host: preserve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Preserve;

/// `on_behalf_of: caller`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Caller;

impl From<Level> for String {
    fn from(level: Level) -> Self {
        level.0.to_owned()
    }
}
