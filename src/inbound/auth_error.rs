//! Why is a request not let in? What a credential's proof, an issuer's keys and the route's callers
//! can say against it, each with its word.

use std::sync::Arc;
use std::time::Duration;

use crate::jwt::TokenError;
use crate::policy::{PolicyRefusal, Principal};
use crate::reason::Reason;

#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    #[error("a credential header was sent more than once")]
    RepeatedCredential,
    /// `Authorization` or a key header that cannot be read.
    #[error("the credential is malformed")]
    Malformed,
    /// A token stands in `Authorization`, and nothing before it.
    #[error("the scheme Bearer is missing")]
    SchemeMissing,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the API key is not accepted{}", given(user.as_deref()))]
    BadKey {
        /// Of Basic, where it may be told.
        user: Option<Arc<str>>,
    },
    #[error("the keys of issuer {issuer} are not available")]
    KeysUnavailable {
        issuer: Arc<str>,
        /// Until they may be asked for again.
        retry_after: Duration,
    },
    /// The key set lacks it, and was fetched before anybody brought it.
    #[error(
        "the key is not among those that issuer {issuer} last published; they are fetched again in \
         {} at the earliest",
        humantime::format_duration(*.retry_after)
    )]
    KeyNotSought {
        issuer: Arc<str>,
        /// Until they may be asked for again.
        retry_after: Duration,
    },
    /// Genuine, but not allowed; or nothing was presented.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
}

impl AuthError {
    pub fn reason(&self) -> Reason {
        match self {
            Self::RepeatedCredential => Reason::RepeatedCredential,
            Self::Malformed | Self::SchemeMissing => Reason::MalformedToken,
            Self::Token(why) => why.reason(),
            Self::BadKey { .. } => Reason::BadKey,
            Self::KeysUnavailable { .. } | Self::KeyNotSought { .. } => Reason::KeysUnavailable,
            Self::Policy(why) => why.reason,
        }
    }

    /// When a caller may come again, where time is all that is missing.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeysUnavailable { retry_after, .. } | Self::KeyNotSought { retry_after, .. } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// Whether a bearer token was presented, which RFC 6750 §3.1 has an error code for.
    pub fn is_of_bearer(&self) -> bool {
        match self {
            Self::Token(_) | Self::Malformed | Self::SchemeMissing => true,
            Self::Policy(why) => matches!(why.principal, Some(Principal::Token(_))),
            Self::RepeatedCredential
            | Self::BadKey { .. }
            | Self::KeysUnavailable { .. }
            | Self::KeyNotSought { .. } => false,
        }
    }
}

/// Whose key it was to be.
fn given(user: Option<&str>) -> String {
    user.map_or_else(String::new, |user| format!("; the user given is {user:?}"))
}
