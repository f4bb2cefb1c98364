//! Where does a user's token for an upstream come from? The caller's own is put to the user's tenant as what
//! proves the user, beside what proves the application. A refresh token is not asked for, and none is kept:
//! what was had of a caller's token ends with it.

use std::sync::Arc;
use std::time::Duration;

use super::UserTokenError;
use crate::clock::UnixTime;
use crate::guid::Guid;
use crate::http_client::HttpClient;
use crate::jwt::TokenDigest;
use crate::outbound::{AccessToken, ClientDefinition, IdentityDefinition, Wanted};
use crate::policy::TokenPrincipal;
use crate::refresh::{KeyedFailure as _, KeyedSource, chance};
use crate::secret::Secret;

/// What a token takes up beside its characters.
const WEIGHT: usize = 512;

/// Exchanges tokens by one identity for one scope; keeps none.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) identity: IdentityDefinition,
    pub(super) scope: Arc<str>,
    http: HttpClient,
}

/// A caller's token, as it is put to Entra.
pub(super) struct Assertion {
    token: Secret<String>,
    /// Whose user it is of: guests are known to the tenant that gave them the token.
    tenant: Option<Guid>,
    ends_at: UnixTime,
    claims: Option<Arc<str>>,
}

impl Exchange {
    pub(super) fn new(identity: IdentityDefinition, scope: &str, http: HttpClient) -> Self {
        Self {
            identity,
            scope: Arc::from(scope),
            http,
        }
    }
}

impl Exchange {
    fn own_tenant(&self) -> Option<Guid> {
        match &self.identity.client {
            ClientDefinition::Entra(client) => Some(client.authority.tenant().guid()),
            _ => None,
        }
    }
}

impl Assertion {
    /// `claims`: JSON of what the token must claim, where an API asked for it.
    pub(super) fn of(token: &str, user: &TokenPrincipal, claims: Option<Arc<str>>) -> Self {
        Self {
            token: Secret::new(token.to_owned()),
            tenant: user.tenant,
            ends_at: user.claims.expires_at,
            claims,
        }
    }
}

impl KeyedSource for Exchange {
    type Key = TokenDigest;
    type Needed = Assertion;
    type Item = AccessToken;
    type Error = UserTokenError;

    async fn fetch(
        &self,
        assertion: Assertion,
        now: UnixTime,
    ) -> Result<AccessToken, UserTokenError> {
        let wanted = Wanted {
            scope: Arc::clone(&self.scope),
            claims: assertion.claims,
            assertion: Some(Arc::new(assertion.token)),
            tenant: assertion.tenant.or(self.own_tenant()),
        };
        let (name, tokens) = (&*self.identity.name, self.identity.tokens);
        let acquiring = self.identity.client.acquire(name, &wanted, &self.http, now);
        let acquired = match acquiring.await {
            Ok(acquired) => acquired,
            // SECURITY: what another tenant refuses must not stop the exchange for this one's users.
            Err(why) if wanted.tenant != self.own_tenant() => {
                return Err(UserTokenError::elsewhere(why));
            }
            Err(why) => return Err(why.into()),
        };
        let response = &acquired.response;
        let mut token = AccessToken::of(response, tokens, acquired.by, now, chance())?;
        if token.expires_at >= assertion.ends_at {
            // Another one would end no later.
            (token.expires_at, token.renew_at) = (assertion.ends_at, assertion.ends_at);
        }
        Ok(token)
    }

    fn weight(token: &AccessToken) -> u32 {
        u32::try_from(WEIGHT + token.header.len()).unwrap_or(u32::MAX)
    }

    fn tell(&self, outcome: Result<&AccessToken, &UserTokenError>, paused: Option<Duration>) {
        let (identity, scope) = (&*self.identity.name, &*self.scope);
        match (outcome, paused) {
            (Ok(token), _) => {
                let expires_at = token.expires_at;
                tracing::debug!(identity, scope, %expires_at, "a user's token exchanged");
            }
            // The access line tells it of the request.
            (Err(error), _) if error.is_of_the_key() => {}
            (Err(error), None) => {
                let reason = error.reason().word();
                tracing::warn!(identity, scope, reason, %error, "a user's token was not exchanged");
            }
            (Err(error), Some(again_in)) => {
                let (reason, url) = (error.reason().word(), self.identity.client.asks_at());
                tracing::error!(
                    identity, scope, reason, url, %error, ?again_in,
                    "no user's token is exchanged"
                );
            }
        }
    }
}
