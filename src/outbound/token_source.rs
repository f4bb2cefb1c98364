//! Where a token of ours comes from: what an identity asks for, put to whoever gives it.

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::{
    Demand, Grants, IdentityDefinition, TokenRequestError, TokenTimes, UsedCredential, Wanted,
};
use crate::clock::UnixTime;
use crate::entra::{EntraError, TokenResponse};
use crate::http_client::HttpClient;
use crate::refresh::{Expires, Outcome, Source, chance, renew_at};

/// Acquires tokens of one identity for one purpose; keeps none.
#[derive(Debug)]
pub struct TokenSource {
    pub(super) identity: IdentityDefinition,
    pub(super) wanted: Wanted,
    http: HttpClient,
}

impl TokenSource {
    pub fn new(identity: IdentityDefinition, wanted: Wanted, http: HttpClient) -> Self {
        Self {
            identity,
            wanted,
            http,
        }
    }

    /// Asks for a token now.
    pub async fn acquire(&self, now: UnixTime) -> Result<AccessToken, TokenRequestError> {
        self.acquire_for(&self.wanted, now).await
    }

    async fn acquire_for(
        &self,
        wanted: &Wanted,
        now: UnixTime,
    ) -> Result<AccessToken, TokenRequestError> {
        let (name, tokens) = (&*self.identity.name, self.identity.tokens);
        let client = &self.identity.client;
        let acquired = client.acquire(name, wanted, &self.http, now).await?;
        AccessToken::of(&acquired.response, tokens, acquired.by, now, chance())
    }
}

impl Source for TokenSource {
    type Item = AccessToken;
    type Error = TokenRequestError;
    type Demand = Demand;

    async fn fetch(&self, demand: Demand, now: UnixTime) -> Result<AccessToken, TokenRequestError> {
        match demand {
            Demand::Nothing | Demand::Fresh => self.acquire(now).await,
            // Its successor is asked for without them: what an API minds, it says again.
            Demand::Claims(claims) => {
                let claims = Some(claims);
                let wanted = self.wanted.clone();
                self.acquire_for(&Wanted { claims, ..wanted }, now).await
            }
        }
    }

    fn tell(&self, outcome: Outcome<'_, AccessToken, TokenRequestError>) {
        let (identity, scope) = (&*self.identity.name, &*self.wanted.scope);
        match outcome {
            Outcome::Fetched { item, .. } => {
                tracing::info!(identity, scope, expires_at = %item.expires_at, "token acquired");
            }
            Outcome::Failed {
                error,
                kept_until,
                again_in,
            } => {
                let reason = error.reason().word();
                let url = self.identity.client.asks_at();
                match kept_until {
                    Some(until) => tracing::warn!(
                        identity, scope, reason, url, %error, ?again_in, %until,
                        "token not renewed; the one in hand is still served"
                    ),
                    None => {
                        tracing::error!(identity, scope, reason, url, %error, ?again_in, "no token");
                    }
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct AccessToken {
    /// `Bearer …`, marked sensitive.
    pub header: HeaderValue,
    pub expires_at: UnixTime,
    pub renew_at: UnixTime,
    pub by: UsedCredential,
    /// What it says that it may do.
    pub grants: Grants,
}

impl AccessToken {
    pub(super) fn of(
        response: &TokenResponse,
        times: TokenTimes,
        by: UsedCredential,
        now: UnixTime,
        chance: u32,
    ) -> Result<Self, TokenRequestError> {
        let token = response.access_token.expose().as_bytes();
        let mut value = Zeroizing::new(Vec::with_capacity(7 + token.len()));
        value.extend_from_slice(b"Bearer ");
        value.extend_from_slice(token);
        // Wiped when the last request that carries it is done.
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
            .map_err(|_| EntraError::Malformed("no header can carry the access_token".into()))?;
        header.set_sensitive(true);
        let (wanted, end) = (response.refresh_at, response.expires_at);
        Ok(Self {
            header,
            expires_at: end,
            renew_at: renew_at(wanted, end, times.renew_before, now, chance),
            by,
            grants: Grants::of(response.access_token.expose()),
        })
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

#[cfg(test)]
#[path = "token_source_tests.rs"]
mod tests;
