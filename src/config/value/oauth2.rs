//! What is said to an authorization server: a scope, and what it calls itself.

use crate::located::{HttpUrl, Scalar, Wrong};

/// Scopes, separated by single spaces (RFC 6749 §3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct ScopeList(pub(in crate::config) String);

/// A server's issuer. It is compared to the letter, so it is kept as it was written: a URL would gain a
/// slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct IssuerUrl(pub(in crate::config) String);

impl Scalar for ScopeList {
    const EXPECTED: &str = "scopes of printable ASCII without quotes, separated by single spaces";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let is_scope = |one: &str| {
            let mut bytes = one.bytes();
            !one.is_empty() && bytes.all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
        };
        match text.split(' ').all(is_scope) {
            true => Ok(Self(text.to_owned())),
            false => Err(Wrong::default()),
        }
    }
}

impl Scalar for IssuerUrl {
    const EXPECTED: &str =
        "the server's issuer, an https URL such as `https://login.example.com/realms/orders`";
    const PATTERN: &str = "^https?://";

    fn parse(text: &str) -> Result<Self, Wrong> {
        HttpUrl::parse(text)?;
        Ok(Self(text.to_owned()))
    }
}
