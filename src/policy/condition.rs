//! What can a route ask of a token's claims? Each condition is a value: a claim, what is needed of
//! it, and the values; one table has the words for them, in the order in which they are checked.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;

use super::TokenPrincipal;
use crate::guid::Guid;
use crate::reason::Reason;

/// One thing that must hold of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub claim: Claim,
    pub need: Need,
    /// None at all are never met.
    pub values: Vec<ClaimValue>,
}

/// A claim that conditions ask for, with the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What one of its values is called.
    pub title: Cow<'static, str>,
    /// What a failure is called.
    pub reason: Reason,
    source: Source,
}

/// What is needed of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It has one of the values.
    Any,
    /// It has all of them.
    All,
    /// It is one text, and that is one of the values.
    Is,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// Compared without case.
    Guid(Guid),
    /// Compared ordinally.
    Text(String),
}

/// Where a claim's values are found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Client,
    Object,
    Roles,
    Scopes,
    /// One that only conditions ask for, by its name in the token.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no key of the file asks for one yet")
    )]
    Other(Cow<'static, str>),
}

/// The keys of a bearer entry that are conditions, in the order in which they are checked.
#[rustfmt::skip]
pub static CONDITION_KEYS: [(&str, Claim, Need); 5] = [
    ("azp",       Claim::AZP,   Need::Is),
    ("oid",       Claim::OID,   Need::Is),
    ("roles",     Claim::ROLES, Need::Any),
    ("all_roles", Claim::ROLES, Need::All),
    ("scp",       Claim::SCP,   Need::Any),
];

// SECURITY: scopes are a user's consent and never count as roles, nor roles as scopes.
impl Claim {
    pub const AZP: Self = Self::of("azp", Reason::ClientNotAllowed, Source::Client);
    pub const OID: Self = Self::of("oid", Reason::ObjectNotAllowed, Source::Object);
    pub const ROLES: Self = Self::of("role", Reason::RoleMissing, Source::Roles);
    pub const SCP: Self = Self::of("scope", Reason::ScopeMissing, Source::Scopes);

    const fn of(title: &'static str, reason: Reason, source: Source) -> Self {
        Self {
            title: Cow::Borrowed(title),
            reason,
            source,
        }
    }

    /// What the claim is called in a token.
    pub(super) fn name(&self) -> &str {
        match &self.source {
            Source::Client => "azp",
            Source::Object => "oid",
            Source::Roles => "roles",
            Source::Scopes => "scp",
            Source::Other(name) => name,
        }
    }

    /// What the token says of it, as text.
    pub(super) fn values(&self, token: &TokenPrincipal) -> Option<Vec<String>> {
        let one = |id: Option<Guid>| id.map(|id| vec![id.to_string()]);
        let text = |value: &Json| match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        match &self.source {
            Source::Client => one(token.client_id),
            Source::Object => one(token.object_id),
            Source::Roles => Some(token.roles.clone()),
            Source::Scopes => Some(token.scopes.clone()),
            Source::Other(name) => match token.claims.other(name)? {
                Json::Array(values) => Some(values.iter().map(text).collect()),
                value => Some(vec![text(value)]),
            },
        }
    }

    fn has(&self, token: &TokenPrincipal, need: Need, wanted: &ClaimValue) -> bool {
        match (&self.source, wanted) {
            (Source::Client, ClaimValue::Guid(guid)) => token.client_id == Some(*guid),
            (Source::Object, ClaimValue::Guid(guid)) => token.object_id == Some(*guid),
            (Source::Roles, ClaimValue::Text(text)) => token.roles.contains(text),
            (Source::Scopes, ClaimValue::Text(text)) => token.scopes.contains(text),
            (Source::Other(name), wanted) => match token.claims.other(name) {
                Some(Json::Array(values)) => {
                    need != Need::Is && values.iter().any(|one| wanted.is(one))
                }
                Some(value) => wanted.is(value),
                None => false,
            },
            _ => false,
        }
    }
}

impl Condition {
    pub fn check(&self, token: &TokenPrincipal) -> Result<(), Reason> {
        let mut values = self.values.iter();
        let has = |wanted| self.claim.has(token, self.need, wanted);
        let holds = match self.need {
            Need::Any | Need::Is => values.any(has),
            Need::All => !self.values.is_empty() && values.all(has),
        };
        if holds {
            Ok(())
        } else {
            Err(self.claim.reason)
        }
    }
}

impl ClaimValue {
    fn is(&self, value: &Json) -> bool {
        match (self, value) {
            (Self::Guid(guid), Json::String(text)) => guid.is(text),
            (Self::Text(wanted), Json::String(text)) => wanted == text,
            _ => false,
        }
    }
}

impl fmt::Display for ClaimValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guid(guid) => guid.fmt(out),
            Self::Text(text) => out.write_str(text),
        }
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
