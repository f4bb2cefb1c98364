//! The tokens that one identity has for users, for one scope: each for as long as the caller's token lives
//! that it was had for, found by that token's hash.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::UserTokenError;
use super::exchange::{Assertion, Exchange};
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::http_client::HttpClient;
use crate::jwt::TokenDigest;
use crate::outbound::{AccessToken, AcquireError, IdentityDefinition, Replacement};
use crate::policy::TokenPrincipal;
use crate::refresh::{ByKey, KeyedStatus, Room, Unavailable};
use crate::request::bearer_of;

/// For some twenty thousand users at a time; where there are more, who was not seen for long is exchanged again.
const ROOM: Room = Room {
    usual: 4_000,
    most: 64 * 1024 * 1024,
};

pub struct UserTokens(Arc<ByKey<Exchange>>);

/// For `/metrics` and the status page.
pub type UserTokensStatus = KeyedStatus<UserTokenError>;

type Outcome = Result<Arc<AccessToken>, Unavailable<UserTokenError>>;

impl UserTokens {
    /// Exchanges nothing until asked.
    pub fn new(identity: IdentityDefinition, scope: &str, http: HttpClient) -> Arc<Self> {
        let cool_down = identity.tokens.cool_down;
        let exchange = Exchange::new(identity, scope, http);
        Arc::new(Self(ByKey::new(exchange, cool_down, ROOM)))
    }

    pub fn identity(&self) -> &Arc<str> {
        &self.0.source().identity.name
    }

    pub fn scope(&self) -> &str {
        &self.0.source().scope
    }

    pub fn status(&self, now: UnixTime) -> UserTokensStatus {
        self.0.status(now)
    }

    /// Forgets every token.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// The token to act for this user, who was proven by the token in this field.
    pub(super) async fn token(
        &self,
        user: &TokenPrincipal,
        field: &HeaderValue,
        now: UnixTime,
    ) -> Result<Arc<AccessToken>, AcquireError> {
        let (text, key) = presented(user, field, now)?;
        let outcome = self
            .0
            .current(key, now, || Assertion::of(text, user, None))
            .await;
        taken(outcome)
    }

    /// What there is in the place of this one, which an upstream refused. `challenge`: what that asks for.
    pub(super) async fn instead_of(
        &self,
        refused: &Arc<AccessToken>,
        (user, field): (&TokenPrincipal, &HeaderValue),
        challenge: Option<&ClaimsChallenge>,
        now: UnixTime,
    ) -> Replacement {
        let (text, key) = match presented(user, field, now) {
            Ok(both) => both,
            Err(why) => return Replacement::Failed(why),
        };
        let needed = || Assertion::of(text, user, challenge.map(ClaimsChallenge::request));
        match self.0.instead_of(key, refused, now, needed).await {
            None => Replacement::TooSoon,
            Some(Ok(token)) if token.header == refused.header => Replacement::Same,
            Some(Ok(token)) => Replacement::Fresh(token),
            Some(Err(why)) => Replacement::Failed(Box::new(why).into()),
        }
    }
}

/// The caller's token, and what it is found by.
fn presented<'f>(
    user: &TokenPrincipal,
    field: &'f HeaderValue,
    now: UnixTime,
) -> Result<(&'f str, TokenDigest), AcquireError> {
    // Within its leeway it is let in, and Entra takes it no more.
    if user.claims.expires_at <= now {
        return Err(AcquireError::CallersTokenEnded);
    }
    let text = bearer_of(field).ok_or(AcquireError::NothingToForward)?;
    let key = TokenDigest::of(text).map_err(|_| AcquireError::NothingToForward)?;
    Ok((text, key))
}

fn taken(outcome: Outcome) -> Result<Arc<AccessToken>, AcquireError> {
    outcome.map_err(|why| Box::new(why).into())
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("UserTokens")
            .field("identity", self.identity())
            .field("scope", &self.scope())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http_client::FetchDefinition;
    use crate::outbound::samples;
    use crate::policy::{PrincipalKind, sample};
    use crate::reason::Reason;

    #[tokio::test]
    async fn tokens_that_end_while_they_are_exchanged_stop_nobody_elses_exchange() {
        let (base, allowed, _) = samples::endpoint().await;
        allowed.add_permits(10);
        let http = HttpClient::new(&FetchDefinition::default()).unwrap();
        let tokens = UserTokens::new(samples::source(&base).identity, "x/.default", http);
        let now = UnixTime::now();
        let of_a_user = async |number: u32, seconds| {
            let user = sample::token(|token| {
                token.kind = PrincipalKind::User;
                token.claims.expires_at = now.plus(Duration::from_secs(seconds));
            });
            let field = HeaderValue::from_str(&format!("Bearer a.b.c{number}")).unwrap();
            tokens.token(&user, &field, now).await
        };
        // More than would count as an outage.
        for number in 0..5 {
            let why = of_a_user(number, 1).await.unwrap_err();
            assert_eq!(why.reason(), Reason::TokenExpired, "{why}");
        }
        of_a_user(5, 3600).await.unwrap();
        assert_eq!(tokens.status(now).failures, 0);
    }
}
