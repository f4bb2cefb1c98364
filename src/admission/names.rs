//! Names of request headers that never go on as they came. Servers read header names through CGI
//! variables and kin, where everything but letters and digits becomes one character: so do we.

use http::HeaderName;

use Rule::{Always, Misspelled, OnTokenRoutes, UnlessKept};

/// When a field is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// On every route: credentials, foreign forwarding fields, overrides of method and URL.
    Always,
    /// In every spelling but the right one, which is read by us and set by the proxy.
    Misspelled,
    /// On routes that carry our token.
    OnTokenRoutes,
    /// Unless the route's `keep_headers` names it: what upstreams believe of a proxy.
    UnlessKept,
}

/// Whole names.
const NAMES: &[(&str, Rule)] = &[
    ("authorization", Always),
    ("x-api-key", Always),
    ("forwarded", Always),
    ("x-forwarded", Always),
    ("x-forwarded-for", Always),
    ("x-forwarded-host", Always),
    ("x-forwarded-proto", Always),
    ("x-forwarded-access-token", Always),
    ("x-forwarded-authorization", Always),
    ("x-real-ip", Always),
    ("x-method-override", Always),
    ("x-original-host", Always),
    ("x-original-method", Always),
    ("x-original-uri", Always),
    ("x-original-url", Always),
    ("x-rewrite-url", Always),
    ("content-length", Misspelled),
    ("transfer-encoding", Misspelled),
    ("x-request-id", Misspelled),
    ("cookie", OnTokenRoutes),
    ("cookie2", OnTokenRoutes),
    ("origin", OnTokenRoutes),
    ("proxy-authorization", OnTokenRoutes),
    ("cf-connecting-ip", UnlessKept),
    ("client-cert", UnlessKept),
    ("client-cert-chain", UnlessKept),
    ("client-ip", UnlessKept),
    ("true-client-ip", UnlessKept),
    ("x-arr-clientcert", UnlessKept),
    ("x-auth-email", UnlessKept),
    ("x-auth-groups", UnlessKept),
    ("x-auth-roles", UnlessKept),
    ("x-auth-subject", UnlessKept),
    ("x-client-cert", UnlessKept),
    ("x-client-ip", UnlessKept),
    ("x-cluster-client-ip", UnlessKept),
    ("x-user", UnlessKept),
    ("x-userinfo", UnlessKept),
];

/// Beginnings of names.
const FAMILIES: &[(&str, Rule)] = &[
    ("cf-access-", UnlessKept),
    ("oidc-", UnlessKept),
    ("remote-", UnlessKept),
    ("ssl-client-", UnlessKept),
    ("x-amzn-oidc-", UnlessKept),
    ("x-auth-request-", UnlessKept),
    ("x-auth-user", UnlessKept),
    ("x-authenticated-", UnlessKept),
    ("x-authentik-", UnlessKept),
    ("x-consumer-", UnlessKept),
    ("x-credential-", UnlessKept),
    ("x-envoy-original-", Always),
    ("x-forwarded-", UnlessKept),
    ("x-goog-authenticated-user-", UnlessKept),
    ("x-goog-iap-", UnlessKept),
    ("x-http-method", Always),
    ("x-ms-client-principal", UnlessKept),
    ("x-ms-token-", Always),
    ("x-pomerium-", UnlessKept),
    ("x-remote-", UnlessKept),
    ("x-ssl-client-", UnlessKept),
    ("x-webauth-", UnlessKept),
];

/// All names with their rules, found by length: an ordinary header meets a candidate or two.
#[derive(Debug)]
pub(super) struct Names {
    by_length: Vec<Vec<(Box<str>, Rule)>>,
}

impl Names {
    /// The names known to everyone, and those that routes tell their upstreams of the caller.
    pub(super) fn with<'a>(told: impl Iterator<Item = &'a HeaderName>) -> Self {
        let mut names = Self {
            by_length: Vec::new(),
        };
        for (name, rule) in NAMES {
            names.add(name, *rule);
        }
        for name in told {
            names.add(name.as_str(), UnlessKept);
        }
        names
    }

    fn add(&mut self, name: &str, rule: Rule) {
        if self.by_length.len() <= name.len() {
            self.by_length.resize_with(name.len() + 1, Vec::new);
        }
        let same_length = &mut self.by_length[name.len()];
        if !same_length.iter().any(|(known, _)| are_one(known, name)) {
            same_length.push((name.into(), rule));
        }
    }

    /// The rule for a field's name, whatever its spelling.
    pub(super) fn rule(&self, name: &HeaderName) -> Option<Rule> {
        let name = name.as_str();
        let same_length = self.by_length.get(name.len());
        let whole =
            same_length.and_then(|names| names.iter().find(|(known, _)| are_one(known, name)));
        match whole {
            Some((known, Misspelled)) if **known == *name => return None,
            Some((_, rule)) => return Some(*rule),
            None => {}
        }
        let family = FAMILIES.iter().find(|(beginning, _)| {
            let start = name.as_bytes().get(..beginning.len());
            start.is_some_and(|start| are_one_bytes(beginning.as_bytes(), start))
        });
        family.map(|(_, rule)| *rule)
    }
}

/// Whether servers may take one name for the other.
pub(super) fn are_one(one: &str, other: &str) -> bool {
    one.len() == other.len() && are_one_bytes(one.as_bytes(), other.as_bytes())
}

fn are_one_bytes(one: &[u8], other: &[u8]) -> bool {
    one.iter()
        .zip(other)
        .all(|(one, other)| folded(*one) == folded(*other))
}

const fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}
