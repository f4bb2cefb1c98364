//! Where a token of ours comes from: what an identity asks for, put to whoever gives it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::remembered::Memory;
use super::{
    Demand, Grants, IdentityDefinition, TokenRequestError, TokenTimes, UsedCredential, Wanted,
};
use crate::clock::UnixTime;
use crate::entra::{TokenEndpointError, TokenResponse};
use crate::http_client::HttpClient;
use crate::refresh::{Errand, Expires, Outcome, Source, chance, renew_at};
use crate::store::Store;

/// Acquires tokens of one identity for one purpose; keeps none.
#[derive(Debug)]
pub struct TokenSource {
    pub(super) identity: IdentityDefinition,
    pub(super) wanted: Wanted,
    http: HttpClient,
    /// Where tokens are kept beside this process's memory, if anywhere.
    pub(super) store: Arc<ArcSwapOption<Store>>,
    pub(super) memory: Memory,
}

impl TokenSource {
    pub fn new(identity: IdentityDefinition, wanted: Wanted, http: HttpClient) -> Self {
        Self {
            identity,
            wanted,
            http,
            store: Arc::default(),
            memory: Memory::default(),
        }
    }

    /// With what is in there by then to keep them.
    pub fn kept_in(self, store: &Arc<ArcSwapOption<Store>>) -> Self {
        let store = Arc::clone(store);
        Self { store, ..self }
    }

    /// Asks for a token now.
    pub async fn acquire(&self, now: UnixTime) -> Result<AccessToken, TokenRequestError> {
        self.acquire_for(&self.wanted, now).await
    }

    pub(super) async fn acquire_for(
        &self,
        wanted: &Wanted,
        now: UnixTime,
    ) -> Result<AccessToken, TokenRequestError> {
        let (name, client) = (&*self.identity.name, &self.identity.client);
        let acquired = client.acquire(name, wanted, &self.http, now).await?;
        self.token(&acquired.response, acquired.by, now)
    }

    /// What came `then`, for whoever sends it.
    pub(super) fn token(
        &self,
        response: &TokenResponse,
        by: UsedCredential,
        then: UnixTime,
    ) -> Result<AccessToken, TokenRequestError> {
        AccessToken::of(response, self.identity.tokens, by, then, chance())
    }
}

impl Source for TokenSource {
    type Item = AccessToken;
    type Error = TokenRequestError;
    type Demand = Demand;

    async fn fetch(
        &self,
        demand: Demand,
        errand: &Errand<AccessToken>,
    ) -> Result<AccessToken, TokenRequestError> {
        let mut wanted = self.wanted.clone();
        // Its successor is asked for without them: what an API minds, it says again.
        if let Demand::Claims(claims) = demand {
            wanted.claims = Some(claims);
        }
        match self.store.load_full() {
            Some(store) => self.acquire_through(&store, &wanted, errand).await,
            None => self.acquire_for(&wanted, errand.now).await,
        }
    }

    fn looks_elsewhere(&self) -> bool {
        let store = self.store.load();
        self.wanted.assertion.is_none() && store.as_ref().is_some_and(|it| it.is_shared())
    }

    fn tell(&self, outcome: Outcome<'_, AccessToken, TokenRequestError>) {
        let (identity, scope) = (&*self.identity.name, &*self.wanted.scope);
        match outcome {
            Outcome::Fetched { item, .. } => {
                let from = if item.is_remembered {
                    "the store"
                } else {
                    "its endpoint"
                };
                tracing::info!(identity, scope, from, expires_at = %item.expires_at, "token acquired");
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
    pub acquired_at: UnixTime,
    pub expires_at: UnixTime,
    pub renew_at: UnixTime,
    pub by: UsedCredential,
    /// What it says that it may do.
    pub grants: Grants,
    /// When whoever gave it would like it to be renewed, where they said.
    pub refresh_at: Option<UnixTime>,
    /// It was acquired before a restart, or by another replica.
    pub is_remembered: bool,
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
        let mut header =
            HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| {
                TokenEndpointError::Malformed("no header can carry the access_token".into())
            })?;
        header.set_sensitive(true);
        let (wanted, end) = (response.refresh_at, response.expires_at);
        Ok(Self {
            header,
            acquired_at: now,
            refresh_at: wanted,
            is_remembered: false,
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

    fn remembered_from(&self) -> Option<UnixTime> {
        self.is_remembered.then_some(self.acquired_at)
    }
}

#[cfg(test)]
#[path = "token_source_tests.rs"]
mod tests;
