//! Which header names mean something to us, and what follows: one table, and one rule for spellings.
//! Servers read header names through CGI variables and kin, where everything but letters and digits
//! becomes one character: so do we.

use http::{HeaderName, header};

use About::{Caller, Credentials, Message, Way};
use Removal::{Always, Misspelled, Never, OnTokenRoutes, UnlessKept};

/// Also the id's name on its way back; trusted proxies send it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID);
const REQUEST_ID: &str = "x-request-id";

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

/// Whole names.
const NAMES: &[(About, Removal, &str)] = &[
    (
        Credentials,
        Always,
        "authorization x-api-key x-forwarded-access-token x-forwarded-authorization",
    ),
    (
        Credentials,
        OnTokenRoutes,
        "cookie cookie2 proxy-authorization",
    ),
    (
        Credentials,
        Never,
        "proxy-authenticate set-cookie www-authenticate x-auth-token",
    ),
    (
        Way,
        Always,
        "forwarded x-forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-method-override \
         x-original-host x-original-method x-original-uri x-original-url x-real-ip x-rewrite-url",
    ),
    (
        Way,
        UnlessKept,
        "x-forwarded-by x-forwarded-method x-forwarded-path x-forwarded-port x-forwarded-prefix \
         x-forwarded-protocol x-forwarded-scheme x-forwarded-server x-forwarded-ssl x-forwarded-uri",
    ),
    (Way, OnTokenRoutes, "origin"),
    (Way, Misspelled, REQUEST_ID),
    (Way, Never, "host"),
    (Message, Misspelled, "content-length transfer-encoding"),
    (
        Message,
        Never,
        "connection content-encoding content-range content-type date expect http2-settings \
         keep-alive max-forwards proxy-authentication-info proxy-connection range te trailer \
         upgrade via",
    ),
    (
        Caller,
        UnlessKept,
        "cf-connecting-ip client-cert client-cert-chain client-ip true-client-ip x-arr-clientcert \
         x-auth-email x-auth-groups x-auth-roles x-auth-subject x-client-cert x-client-ip \
         x-cluster-client-ip x-user x-userinfo",
    ),
];

/// Beginnings of names.
const FAMILIES: &[(About, Removal, &str)] = &[
    (Credentials, Always, "x-ms-token-"),
    (Way, Always, "x-envoy-original- x-http-method"),
    (Message, Never, "sec-"),
    (
        Caller,
        UnlessKept,
        "cf-access- oidc- remote- ssl-client- x-amzn-oidc- x-auth-request- x-auth-user \
         x-authenticated- x-authentik- x-consumer- x-credential- x-forwarded- \
         x-goog-authenticated-user- x-goog-iap- x-ms-client-principal x-pomerium- x-remote- \
         x-ssl-client- x-webauth-",
    ),
];

type Row = (&'static str, About, Removal);

fn rows(table: &[(About, Removal, &'static str)]) -> impl Iterator<Item = Row> {
    table.iter().flat_map(|(about, removal, names)| {
        let names = names.split_whitespace();
        names.map(|name| (name, *about, *removal))
    })
}

/// Fields of one connection (RFC 9110 §7.6.1), whether `Connection` names them or not. `Connection`
/// itself and `Transfer-Encoding` belong to whoever frames the message.
pub static OF_ONE_HOP: [HeaderName; 8] = [
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::UPGRADE,
];

/// Why a route may neither set nor keep a header of this name; `None` where it may.
pub fn unnameable(name: &HeaderName) -> Option<&'static str> {
    let name = name.as_str();
    let whole = rows(NAMES).find(|(known, ..)| are_one(known, name));
    let family = || rows(FAMILIES).find(|(start, ..)| begins(name, start));
    match whole.or_else(family)?.1 {
        Caller => None,
        Message => Some("is about the message itself, not about who calls"),
        Way => Some("is about the way of the request, not about who calls"),
        Credentials => Some("carries credentials"),
    }
}

/// The names that may not go on, found by length or by their first bytes: an ordinary header meets a
/// candidate or two.
#[derive(Debug)]
pub struct RemovedNames {
    by_length: Vec<Vec<(Box<str>, Removal)>>,
    families: Vec<Family>,
}

#[derive(Debug)]
struct Family {
    first: First,
    start: &'static str,
    removal: Removal,
}

/// The first bytes of a name, folded: they tell most names from most families in one comparison.
type First = [u8; 4];

impl RemovedNames {
    /// Those known to everyone, and those that routes tell their upstreams of the caller.
    pub fn with<'a>(told: impl Iterator<Item = &'a HeaderName>) -> Self {
        let removed = |(.., removal): &Row| *removal != Never;
        let families = rows(FAMILIES).filter(removed);
        let mut names = Self {
            by_length: Vec::new(),
            families: families.filter_map(Family::of).collect(),
        };
        for (name, _, removal) in rows(NAMES).filter(removed) {
            names.add(name, removal);
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
        let Some(first) = first_of(name) else {
            return Never;
        };
        let mut families = self.families.iter();
        let family = families.find(|family| family.first == first && begins(name, family.start));
        family.map_or(Never, |family| family.removal)
    }
}

impl Family {
    /// `None`: shorter than its first bytes; none is.
    fn of((start, _, removal): Row) -> Option<Self> {
        let first = first_of(start)?;
        Some(Self {
            first,
            start,
            removal,
        })
    }
}

fn first_of(name: &str) -> Option<First> {
    name.as_bytes().first_chunk().map(|first| first.map(fold))
}

/// The one spelling for all that servers may take for a name.
pub fn spelling(name: &HeaderName) -> String {
    let bytes = name.as_str().bytes();
    bytes.map(|byte| char::from(fold(byte))).collect()
}

/// Whether servers may take one name for the other.
pub fn are_one(one: &str, other: &str) -> bool {
    one.len() == other.len() && begins(one, other)
}

fn begins(name: &str, start: &str) -> bool {
    let pairs = name.bytes().zip(start.bytes());
    name.len() >= start.len() && { pairs }.all(|(one, other)| fold(one) == fold(other))
}

fn fold(byte: u8) -> u8 {
    FOLDED[usize::from(byte)]
}

/// What each byte is taken for: every received name is read by it.
static FOLDED: [u8; 256] = {
    let mut folded = [b'-'; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        if byte.is_ascii_alphanumeric() {
            folded[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
};

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        HeaderName::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_always_removed_or_framed_can_be_named_by_no_route() {
        let names = RemovedNames::with(std::iter::empty());
        for (known, about, removal) in rows(NAMES).chain(rows(FAMILIES)) {
            assert_eq!(
                unnameable(&name(known)).is_none(),
                about == Caller,
                "{known}"
            );
            assert!(about != Caller || removal == UnlessKept, "{known}");
            if removal != Misspelled {
                assert_eq!(names.removal(&name(known)), removal, "{known}");
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
