//! One identity's tokens for one scope, kept fresh: renewed before they expire, and replaced, once
//! in a while, when an upstream refuses them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AccessToken, CredentialStatus, Demand, TokenRequestError, TokenSource, UsedCredential,
    UserTokenError,
};
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::reason::Reason;
use crate::refresh::{BeforeExpiry, Order, Replacing, Status, Unavailable};

/// The tokens of one (tenant, identity, scope).
pub struct AppTokens(BeforeExpiry<TokenSource>);

impl AppTokens {
    /// Acquires nothing until asked, or begun.
    pub fn new(source: TokenSource) -> Arc<Self> {
        let cool_down = source.identity.tokens.cool_down;
        Arc::new(Self(BeforeExpiry::new(source, cool_down)))
    }

    pub fn identity(&self) -> &Arc<str> {
        &self.0.source().identity.name
    }

    /// What it is for; `default` where the server is asked for no scope, and gives what it thinks fit.
    pub fn scope(&self) -> &str {
        match &*self.0.source().wanted.scope {
            "" => "default",
            scope => scope,
        }
    }

    /// Has the first token acquired, so that a credential that will fail is known before its first
    /// caller comes. Needs a tokio runtime.
    pub fn begin(&self, now: UnixTime) {
        self.0.begin(now);
    }

    /// The token to send now; waits only where there is none that is valid.
    pub async fn token(&self, now: UnixTime) -> Result<Arc<AccessToken>, AcquireError> {
        Ok(self.0.current(now).await.map_err(Box::new)?)
    }

    /// The token to send where this one, the current one, was refused before.
    pub(super) async fn instead_of(
        &self,
        token: Arc<AccessToken>,
        now: UnixTime,
    ) -> Arc<AccessToken> {
        self.0.instead_of(token, now).await
    }

    /// Takes note that an upstream refused this token, and says what becomes of it: access may have been
    /// granted or taken since it was issued. `challenge`: what the upstream asks for.
    pub(super) fn refused(
        &self,
        token: &Arc<AccessToken>,
        challenge: Option<&ClaimsChallenge>,
        now: UnixTime,
    ) -> Replacing<TokenSource> {
        let claims = challenge.map(ClaimsChallenge::request);
        let demand = claims.map_or(Demand::Fresh, Demand::Claims);
        let replacing = self.0.refused(token, demand, now);
        if matches!(replacing, Replacing::Begun(_)) {
            tracing::warn!(
                identity = &**self.identity(),
                scope = self.scope(),
                claims = challenge.map(ClaimsChallenge::names),
                "the upstream refuses the token; a fresh one is asked for"
            );
        }
        replacing
    }

    /// Has a fresh token acquired because somebody says so; the one in hand serves until it is there.
    /// Needs a tokio runtime.
    pub fn renew_now(&self, now: UnixTime) -> Order {
        self.0.renew_now(now)
    }

    /// Forgets the token in hand: from now on no request is given it. Has a fresh one acquired. Needs
    /// a tokio runtime.
    pub fn purge(&self, now: UnixTime) -> Order {
        // First: whoever comes as soon as there is none looks in the store.
        self.0.source().forget(now);
        self.0.purge(now)
    }

    /// Puts the token in hand into the store, which is another one than when it was acquired. Needs a
    /// tokio runtime.
    pub fn keep(&self, now: UnixTime) {
        if let Some(token) = self.0.kept() {
            self.0.source().keep(&token, now);
        }
    }

    pub fn status(&self) -> TokenStatus {
        let kept = self.0.kept();
        TokenStatus {
            expires_at: kept.as_ref().map(|token| token.expires_at),
            acquired_at: kept.as_ref().map(|token| token.acquired_at),
            remembered: self.0.source().memory.remembered(),
            by: kept.map(|token| token.by.clone()),
            credentials: self.0.source().identity.credentials(),
            failure: self.0.last_error().map(|why| why.reason()),
            certificate: self.0.source().identity.certificate_ends_at(),
            fetch: self.0.status(),
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
    /// When the token in hand ends.
    pub expires_at: Option<UnixTime>,
    /// When it was acquired, by whomever.
    pub acquired_at: Option<UnixTime>,
    /// Of `fetch.fetches`, how many asked nobody: the token was in the store.
    pub remembered: u64,
    /// What the token in hand was given for.
    pub by: Option<UsedCredential>,
    /// Those of the identity, in order.
    pub credentials: Vec<CredentialStatus>,
    /// What the last failure is called, where the last attempt failed.
    pub failure: Option<Reason>,
    /// When the identity's certificate ends; of several the first.
    pub certificate: Option<UnixTime>,
    pub fetch: Status,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcquireError {
    /// None could be had, and when the next attempt may be made.
    #[error(transparent)]
    Unavailable(#[from] Box<Unavailable<TokenRequestError>>),
    /// None could be had for the user who calls.
    #[error(transparent)]
    NotExchanged(#[from] Box<Unavailable<UserTokenError>>),
    #[error("the caller is an application; only a user's token can be exchanged")]
    NotAUser,
    #[error(
        "the caller's token has ended, and is taken here only by the leeway; it cannot be exchanged"
    )]
    CallersTokenEnded,
    /// `token: forward` on a request without a bearer token; ruled out at load.
    #[error("there is no caller's token to forward")]
    NothingToForward,
}

impl AcquireError {
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unavailable(why) => why.cause.reason(),
            Self::NotExchanged(why) => why.cause.reason(),
            Self::NotAUser => Reason::UserRequired,
            Self::CallersTokenEnded => Reason::TokenExpired,
            Self::NothingToForward => Reason::InternalError,
        }
    }

    /// When a caller may come again; zero where waiting does not help.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Unavailable(why) => why.retry_after,
            Self::NotExchanged(why) => why.retry_after,
            Self::NotAUser | Self::CallersTokenEnded | Self::NothingToForward => Duration::ZERO,
        }
    }

    /// JSON of what the caller's token must claim, where Entra says so.
    pub fn claims(&self) -> Option<&str> {
        match self {
            Self::NotExchanged(why) => why.cause.claims(),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "app_tokens_tests.rs"]
mod tests;
