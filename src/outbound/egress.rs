//! Whose token does a route carry on? Nobody's, the caller's own, or the gateway's.

use std::sync::Arc;

use http::HeaderValue;

use super::{AccessToken, AcquireError, PerCaller, Replacement, RouteTokens};
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
    /// `{ identity, scope, on_behalf_of: caller }`: a token by which the identity acts for the user who calls.
    OnBehalfOf {
        identity: Arc<str>,
        /// Scopes of one API, or its `/.default`.
        scope: String,
        /// What applications are given that call: a token of the identity's own for this scope. `None`: they
        /// are refused.
        app_scope: Option<String>,
    },
}

/// `app:` beside `on_behalf_of`: what becomes of applications, whose tokens cannot be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applications {
    Refuse,
    AppOnly,
}

impl TokenDefinition {
    /// Who the gateway is for it, where it is anybody.
    pub fn identity(&self) -> Option<&Arc<str>> {
        match self {
            Self::Nothing | Self::Forward => None,
            Self::App { identity, .. } | Self::OnBehalfOf { identity, .. } => Some(identity),
        }
    }
}

/// The same, alive.
#[derive(Debug)]
pub enum Egress {
    Nothing,
    CallersOwn,
    App(RouteTokens),
    OnBehalfOf(PerCaller),
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
            Self::OnBehalfOf(tokens) => Ok(Carried::App(tokens.token(permit, now).await?)),
        }
    }

    /// What there is in the place of this token of ours, which an upstream refused; waits where another is
    /// on its way. `challenge`: what the upstream asks for.
    pub async fn replacement(
        &self,
        refused: &Carried,
        permit: &Permit,
        challenge: Option<&ClaimsChallenge>,
        now: UnixTime,
    ) -> Replacement {
        match (self, refused) {
            (Self::App(tokens), Carried::App(token)) => {
                Replacement::of(token, tokens.refused(token, challenge, now)).await
            }
            (Self::OnBehalfOf(tokens), Carried::App(token)) => {
                tokens.replacement(token, permit, challenge, now).await
            }
            _ => Replacement::TooSoon,
        }
    }

    /// Whether it takes from the same tokens.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let app = |egress: &Self| egress.route_tokens().map(|it| Arc::as_ptr(it.shared()));
        let users = |egress: &Self| match egress {
            Self::OnBehalfOf(tokens) => Some(Arc::as_ptr(tokens.users())),
            _ => None,
        };
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && app(self) == app(other)
            && users(self) == users(other)
    }

    pub fn is_ours(&self) -> bool {
        matches!(self, Self::App(_) | Self::OnBehalfOf(_))
    }

    fn route_tokens(&self) -> Option<&RouteTokens> {
        match self {
            Self::App(tokens) => Some(tokens),
            Self::OnBehalfOf(tokens) => tokens.apps(),
            Self::Nothing | Self::CallersOwn => None,
        }
    }
}

#[cfg(test)]
#[path = "egress_tests.rs"]
mod tests;
