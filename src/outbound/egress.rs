//! Whose token does a route carry on? Nobody's, the caller's own, or the gateway's.

use std::sync::Arc;

use http::HeaderValue;

use super::{AccessToken, AcquireError, AppTokens, Replacement, RouteTokens};
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::policy::Permit;

/// `token:` of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenDefinition {
    /// Absent: nothing is sent.
    Nothing,
    /// `forward`: the caller's own verified token.
    Forward,
    /// `{ identity, scope }`: an app-only token of the gateway's.
    App {
        identity: Arc<str>,
        /// `https://…/.default`.
        scope: String,
    },
}

/// The same, alive.
#[derive(Debug)]
pub enum Egress {
    Nothing,
    CallersOwn,
    App(RouteTokens),
}

/// What an admitted request carries.
#[derive(Clone, Debug)]
pub enum Carried {
    /// No `Authorization` at all.
    Nothing,
    /// The caller's, as it came.
    CallersOwn(HeaderValue),
    App(Arc<AccessToken>),
}

impl Egress {
    pub async fn token(&self, permit: &Permit, now: UnixTime) -> Result<Carried, AcquireError> {
        match self {
            Self::Nothing => Ok(Carried::Nothing),
            Self::CallersOwn => match permit.bearer() {
                Some(field) => Ok(Carried::CallersOwn(field.clone())),
                None => Err(AcquireError::NothingToForward),
            },
            Self::App(tokens) => Ok(Carried::App(tokens.token(now).await?)),
        }
    }

    /// What there is in the place of this token of ours, which an upstream refused; waits where another is
    /// on its way. `challenge`: what the upstream asks for.
    pub async fn replacement(
        &self,
        refused: &Carried,
        challenge: Option<&ClaimsChallenge>,
        now: UnixTime,
    ) -> Replacement {
        match (self, refused) {
            (Self::App(tokens), Carried::App(token)) => {
                Replacement::of(token, tokens.refused(token, challenge, now)).await
            }
            _ => Replacement::TooSoon,
        }
    }

    /// The tokens that it takes from, where they are ours.
    pub fn tokens(&self) -> Option<&Arc<AppTokens>> {
        match self {
            Self::App(tokens) => Some(tokens.shared()),
            Self::Nothing | Self::CallersOwn => None,
        }
    }

    pub fn is_ours(&self) -> bool {
        matches!(self, Self::App(_))
    }
}

#[cfg(test)]
#[path = "egress_tests.rs"]
mod tests;
