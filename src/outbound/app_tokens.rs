//! One identity's tokens for one scope, kept fresh: renewed before they expire, and replaced, once
//! in a while, when an upstream refuses them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{AccessToken, TokenRequestError, TokenSource};
use crate::clock::UnixTime;
use crate::entra::EntraError;
use crate::reason::Reason;
use crate::refresh::{BeforeExpiry, Expires, Failure, Mishap, Outcome, Source, Unavailable};

/// The tokens of one (tenant, identity, scope).
pub struct AppTokens(BeforeExpiry<ScopedSource>);

impl AppTokens {
    /// Acquires nothing until asked.
    pub fn new(source: TokenSource, scope: String) -> Arc<Self> {
        let cool_down = source.identity().tokens.cool_down;
        let source = ScopedSource { source, scope };
        Arc::new(Self(BeforeExpiry::new(source, cool_down)))
    }

    /// The name of the identity.
    pub fn identity(&self) -> &Arc<str> {
        &self.0.source().source.identity().name
    }

    pub fn scope(&self) -> &str {
        &self.0.source().scope
    }

    /// The token to send now; waits only where there is none that is valid.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn token(&self, now: UnixTime) -> Result<Arc<AccessToken>, AcquireError> {
        Ok(self.0.current(now).await.map_err(Box::new)?)
    }

    /// Takes note that an upstream answered 401 to this token: access may have been granted or taken
    /// since it was issued.
    pub fn refused(&self, token: &Arc<AccessToken>, now: UnixTime) {
        if self.0.refused(token, now) {
            tracing::warn!(
                identity = &**self.identity(),
                scope = self.scope(),
                "the upstream refuses the token; a fresh one is asked for"
            );
        }
    }

    pub fn status(&self) -> TokenStatus {
        let status = self.0.status();
        TokenStatus {
            acquired_at: status.fetched_at,
            expires_at: self.0.kept().map(|token| token.expires_at),
            fetches: status.fetches,
            failures: status.failures,
            last_error: status.last_error,
        }
    }
}

impl fmt::Debug for AppTokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AppTokens")
            .field("identity", self.identity())
            .field("scope", &self.scope())
            .finish_non_exhaustive()
    }
}

/// For `/metrics` and the log.
#[derive(Clone, Debug, Default)]
pub struct TokenStatus {
    /// When the token in hand was acquired.
    pub acquired_at: Option<UnixTime>,
    /// When the token in hand ends.
    pub expires_at: Option<UnixTime>,
    /// Acquisitions that succeeded.
    pub fetches: u64,
    /// Acquisitions that failed.
    pub failures: u64,
    /// Why the last one failed, where it did.
    pub last_error: Option<String>,
}

/// Why there is no token to send. `Display` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcquireError {
    /// None could be had, and when the next attempt may be made.
    #[error(transparent)]
    Unavailable(#[from] Box<Unavailable<TokenRequestError>>),
    /// `token: forward` on a request without a bearer token; ruled out at load.
    #[error("there is no caller's token to forward")]
    NothingToForward,
}

impl AcquireError {
    /// The word for it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(why) => why.cause.reason(),
            Self::NothingToForward => Reason::InternalError,
        }
    }

    /// When a caller may come again; zero where waiting does not help.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Unavailable(why) => why.retry_after,
            Self::NothingToForward => Duration::ZERO,
        }
    }
}

struct ScopedSource {
    source: TokenSource,
    scope: String,
}

impl Source for ScopedSource {
    type Item = AccessToken;
    type Error = TokenRequestError;

    async fn fetch(&self, now: UnixTime) -> Result<AccessToken, TokenRequestError> {
        self.source.acquire(&self.scope, now).await
    }

    fn tell(&self, outcome: Outcome<'_, AccessToken, TokenRequestError>) {
        let (identity, scope) = (&*self.source.identity().name, self.scope.as_str());
        match outcome {
            Outcome::Fetched { item, .. } => {
                tracing::info!(identity, scope, expires_at = %item.expires_at, "token acquired");
            }
            Outcome::Failed { error, kept_until } => {
                let reason = error.reason().word();
                match kept_until {
                    Some(until) => tracing::warn!(
                        identity, scope, reason, %error, %until,
                        "token not renewed; the one in hand is still served"
                    ),
                    None => tracing::error!(identity, scope, reason, %error, "no token"),
                }
            }
        }
    }
}

impl Expires for AccessToken {
    fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    fn renew_at(&self) -> UnixTime {
        self.renew_at
    }
}

impl Failure for TokenRequestError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Entra(EntraError::Throttled { retry_after }) => Some(*retry_after),
            _ => None,
        }
    }
}

impl From<Mishap> for TokenRequestError {
    fn from(mishap: Mishap) -> Self {
        match mishap {
            Mishap::BrokenOff => Self::BrokenOff,
            Mishap::Expired => {
                let why = "the token that came has ended already";
                EntraError::Unavailable(why.to_owned()).into()
            }
        }
    }
}

#[cfg(test)]
#[path = "app_tokens_tests.rs"]
mod tests;
