//! Which header names mean something to us, and what follows: one table, and one rule for spellings.
//! Servers read header names through CGI variables and kin, where everything but letters and digits
//! becomes one character: so do we.

use http::{HeaderName, header};

use About::{Caller, Credentials, Message, Way};
use Removal::{Always, Misspelled, Never, OnTokenRoutes, UnlessKept};

/// Also the id's name on its way back; trusted proxies send it.
pub const X_REQUEST_ID: &str = "x-request-id";

/// When a request's field does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Never,
    /// On every route: credentials, foreign forwarding fields, overrides of method and URL.
    Always,
    /// In every spelling but the right one, which is read by us and set by the proxy.
    Misspelled,
    /// On routes that carry our token.
    OnTokenRoutes,
    /// Unless the route's `keep_headers` names it: what upstreams believe of a proxy.
    UnlessKept,
}

/// What a field tells. Only what is about the caller may be set or kept by a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Caller,
    /// Its framing (RFC 9110 §6.1, RFC 9112 §6), its content, its connection.
    Message,
    /// By which requests are routed or rewritten.
    Way,
    Credentials,
}

type Row = (&'static str, About, Removal);

/// Whole names.
const NAMES: &[Row] = &[
    ("authorization", Credentials, Always),
    ("x-api-key", Credentials, Always),
    ("x-forwarded-access-token", Credentials, Always),
    ("x-forwarded-authorization", Credentials, Always),
    ("cookie", Credentials, OnTokenRoutes),
    ("cookie2", Credentials, OnTokenRoutes),
    ("proxy-authorization", Credentials, OnTokenRoutes),
    ("proxy-authenticate", Credentials, Never),
    ("set-cookie", Credentials, Never),
    ("www-authenticate", Credentials, Never),
    ("x-auth-token", Credentials, Never),
    ("forwarded", Way, Always),
    ("x-forwarded", Way, Always),
    ("x-forwarded-for", Way, Always),
    ("x-forwarded-host", Way, Always),
    ("x-forwarded-proto", Way, Always),
    ("x-method-override", Way, Always),
    ("x-original-host", Way, Always),
    ("x-original-method", Way, Always),
    ("x-original-uri", Way, Always),
    ("x-original-url", Way, Always),
    ("x-real-ip", Way, Always),
    ("x-rewrite-url", Way, Always),
    ("x-forwarded-by", Way, UnlessKept),
    ("x-forwarded-method", Way, UnlessKept),
    ("x-forwarded-path", Way, UnlessKept),
    ("x-forwarded-port", Way, UnlessKept),
    ("x-forwarded-prefix", Way, UnlessKept),
    ("x-forwarded-protocol", Way, UnlessKept),
    ("x-forwarded-scheme", Way, UnlessKept),
    ("x-forwarded-server", Way, UnlessKept),
    ("x-forwarded-ssl", Way, UnlessKept),
    ("x-forwarded-uri", Way, UnlessKept),
    ("origin", Way, OnTokenRoutes),
    (X_REQUEST_ID, Way, Misspelled),
    ("host", Way, Never),
    ("content-length", Message, Misspelled),
    ("transfer-encoding", Message, Misspelled),
    ("connection", Message, Never),
    ("content-encoding", Message, Never),
    ("content-range", Message, Never),
    ("content-type", Message, Never),
    ("date", Message, Never),
    ("expect", Message, Never),
    ("http2-settings", Message, Never),
    ("keep-alive", Message, Never),
    ("max-forwards", Message, Never),
    ("proxy-connection", Message, Never),
    ("range", Message, Never),
    ("te", Message, Never),
    ("trailer", Message, Never),
    ("upgrade", Message, Never),
    ("via", Message, Never),
    ("cf-connecting-ip", Caller, UnlessKept),
    ("client-cert", Caller, UnlessKept),
    ("client-cert-chain", Caller, UnlessKept),
    ("client-ip", Caller, UnlessKept),
    ("true-client-ip", Caller, UnlessKept),
    ("x-arr-clientcert", Caller, UnlessKept),
    ("x-auth-email", Caller, UnlessKept),
    ("x-auth-groups", Caller, UnlessKept),
    ("x-auth-roles", Caller, UnlessKept),
    ("x-auth-subject", Caller, UnlessKept),
    ("x-client-cert", Caller, UnlessKept),
    ("x-client-ip", Caller, UnlessKept),
    ("x-cluster-client-ip", Caller, UnlessKept),
    ("x-user", Caller, UnlessKept),
    ("x-userinfo", Caller, UnlessKept),
];

/// Beginnings of names.
const FAMILIES: &[Row] = &[
    ("cf-access-", Caller, UnlessKept),
    ("oidc-", Caller, UnlessKept),
    ("remote-", Caller, UnlessKept),
    ("sec-", Message, Never),
    ("ssl-client-", Caller, UnlessKept),
    ("x-amzn-oidc-", Caller, UnlessKept),
    ("x-auth-request-", Caller, UnlessKept),
    ("x-auth-user", Caller, UnlessKept),
    ("x-authenticated-", Caller, UnlessKept),
    ("x-authentik-", Caller, UnlessKept),
    ("x-consumer-", Caller, UnlessKept),
    ("x-credential-", Caller, UnlessKept),
    ("x-envoy-original-", Way, Always),
    ("x-forwarded-", Caller, UnlessKept),
    ("x-goog-authenticated-user-", Caller, UnlessKept),
    ("x-goog-iap-", Caller, UnlessKept),
    ("x-http-method", Way, Always),
    ("x-ms-client-principal", Caller, UnlessKept),
    ("x-ms-token-", Credentials, Always),
    ("x-pomerium-", Caller, UnlessKept),
    ("x-remote-", Caller, UnlessKept),
    ("x-ssl-client-", Caller, UnlessKept),
    ("x-webauth-", Caller, UnlessKept),
];

/// Fields of one connection (RFC 9110 §7.6.1), whether `Connection` names them or not. `Connection`
/// itself and `Transfer-Encoding` belong to whoever frames the message.
pub static OF_ONE_HOP: [HeaderName; 6] = [
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::UPGRADE,
];

/// Why a route may neither set nor keep a header of this name; `None` where it may.
pub fn unnameable(name: &HeaderName) -> Option<&'static str> {
    let whole = NAMES
        .iter()
        .find(|(known, ..)| are_one(known, name.as_str()));
    let family = || {
        FAMILIES
            .iter()
            .find(|(start, ..)| begins(name.as_str(), start))
    };
    match whole.or_else(family)?.1 {
        Caller => None,
        Message => Some("is about the message itself, not about who calls"),
        Way => Some("is about the way of the request, not about who calls"),
        Credentials => Some("carries credentials"),
    }
}

/// The names that may not go on, found by length: an ordinary header meets a candidate or two.
#[derive(Debug)]
pub struct RemovedNames {
    by_length: Vec<Vec<(Box<str>, Removal)>>,
    families: Vec<(&'static str, Removal)>,
}

impl RemovedNames {
    /// Those known to everyone, and those that routes tell their upstreams of the caller.
    pub fn with<'a>(told: impl Iterator<Item = &'a HeaderName>) -> Self {
        let removed = |(.., removal): &&Row| *removal != Never;
        let mut names = Self {
            by_length: Vec::new(),
            families: FAMILIES
                .iter()
                .filter(removed)
                .map(|row| (row.0, row.2))
                .collect(),
        };
        for (name, _, removal) in NAMES.iter().filter(removed) {
            names.add(name, *removal);
        }
        for name in told {
            names.add(name.as_str(), UnlessKept);
        }
        names
    }

    fn add(&mut self, name: &str, removal: Removal) {
        if self.by_length.len() <= name.len() {
            self.by_length.resize_with(name.len() + 1, Vec::new);
        }
        let same_length = &mut self.by_length[name.len()];
        if !same_length.iter().any(|(known, _)| are_one(known, name)) {
            same_length.push((name.into(), removal));
        }
    }

    /// The rule for a field's name, whatever its spelling.
    pub fn removal(&self, name: &HeaderName) -> Removal {
        let name = name.as_str();
        let same_length = self.by_length.get(name.len());
        let whole =
            same_length.and_then(|names| names.iter().find(|(known, _)| are_one(known, name)));
        match whole {
            Some((known, Misspelled)) if **known == *name => return Never,
            Some((_, removal)) => return *removal,
            None => {}
        }
        let family = self.families.iter().find(|(start, _)| begins(name, start));
        family.map_or(Never, |(_, removal)| *removal)
    }
}

/// The one spelling for all that servers may take for a name.
pub fn spelling(name: &HeaderName) -> String {
    name.as_str()
        .bytes()
        .map(|byte| char::from(folded(byte)))
        .collect()
}

/// Whether servers may take one name for the other.
pub fn are_one(one: &str, other: &str) -> bool {
    one.len() == other.len() && begins(one, other)
}

fn begins(name: &str, start: &str) -> bool {
    let pairs = name.bytes().zip(start.bytes());
    name.len() >= start.len() && { pairs }.all(|(one, other)| folded(one) == folded(other))
}

const fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        HeaderName::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_always_removed_or_framed_can_be_named_by_no_route() {
        let names = RemovedNames::with(std::iter::empty());
        for (known, about, removal) in NAMES.iter().chain(FAMILIES) {
            assert_eq!(
                unnameable(&name(known)).is_none(),
                *about == Caller,
                "{known}"
            );
            assert!(*about != Caller || *removal == UnlessKept, "{known}");
            if *removal != Misspelled {
                assert_eq!(names.removal(&name(known)), *removal, "{known}");
            }
        }
        for field in &OF_ONE_HOP {
            assert!(unnameable(field).is_some(), "{field}");
        }
    }

    #[test]
    fn every_spelling_is_the_same_name() {
        for field in [
            "x_original.uri",
            "X~Original-Uri",
            "X-ORIGINAL-URI",
            "x-http-method-any",
        ] {
            assert!(unnameable(&name(field)).is_some(), "{field}");
        }
        for field in [
            "x-client-id",
            "remote-user",
            "x-forwarded-user",
            "x-original",
            "x-secret",
        ] {
            assert_eq!(unnameable(&name(field)), None, "{field}");
        }
        assert_eq!(spelling(&name("X_Client.Id~")), "x-client-id-");
        assert_eq!(spelling(&name("x-client-id-")), "x-client-id-");
    }
}
