//! One route for both kinds of caller: who is a user acts as that user, and who is an application, for whom
//! nothing can be exchanged, is refused or acts as ours.

use std::sync::Arc;

use http::HeaderValue;

use super::UserTokens;
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::outbound::{AccessToken, AcquireError, Replacement, RouteTokens};
use crate::policy::{Permit, Principal, PrincipalKind, TokenPrincipal};

#[derive(Debug)]
pub struct PerCaller {
    users: Arc<UserTokens>,
    /// `None`: applications are refused.
    apps: Option<RouteTokens>,
}

impl PerCaller {
    pub fn new(users: Arc<UserTokens>, apps: Option<RouteTokens>) -> Self {
        Self { users, apps }
    }

    pub fn users(&self) -> &Arc<UserTokens> {
        &self.users
    }

    pub fn apps(&self) -> Option<&RouteTokens> {
        self.apps.as_ref()
    }

    pub(in crate::outbound) async fn token(
        &self,
        permit: &Permit,
        now: UnixTime,
    ) -> Result<Arc<AccessToken>, AcquireError> {
        match (user_of(permit)?, &self.apps) {
            (Some((user, field)), _) => self.users.token(user, field, now).await,
            (None, Some(apps)) => apps.token(now).await,
            // SECURITY: never the application's own rights for want of a user.
            (None, None) => Err(AcquireError::NotAUser),
        }
    }

    /// What there is in the place of a token of ours that an upstream refused.
    pub(in crate::outbound) async fn replacement(
        &self,
        refused: &Arc<AccessToken>,
        permit: &Permit,
        challenge: Option<&ClaimsChallenge>,
        now: UnixTime,
    ) -> Replacement {
        match (user_of(permit), &self.apps) {
            (Ok(Some(user)), _) => self.users.instead_of(refused, user, challenge, now).await,
            (Ok(None), Some(apps)) => {
                Replacement::of(refused, apps.refused(refused, challenge, now)).await
            }
            (Ok(None), None) | (Err(_), _) => Replacement::TooSoon,
        }
    }
}

/// The user who calls, and the field with the token that says so; `None` for an application.
fn user_of(permit: &Permit) -> Result<Option<(&TokenPrincipal, &HeaderValue)>, AcquireError> {
    match (permit.principal(), permit.bearer()) {
        (Principal::Token(token), Some(field)) => match token.kind {
            PrincipalKind::User => Ok(Some((token, field))),
            PrincipalKind::App => Ok(None),
        },
        _ => Err(AcquireError::NothingToForward),
    }
}
