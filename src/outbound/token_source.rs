//! Where an app-only token comes from: an identity's credentials, put to its token endpoint in
//! order.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::{IdentityDefinition, TokenRequestError, TokenTimes};
use crate::clock::UnixTime;
use crate::entra::{EntraError, TokenRequest, TokenResponse};
use crate::http_client::HttpClient;
use crate::refresh::{Expires, Outcome, Source, chance, renew_at};

/// Acquires tokens of one identity for one scope; keeps none.
#[derive(Debug)]
pub struct TokenSource {
    pub(super) identity: IdentityDefinition,
    /// `https://…/.default`.
    pub(super) scope: String,
    http: HttpClient,
}

impl TokenSource {
    pub fn new(identity: IdentityDefinition, scope: String, http: HttpClient) -> Self {
        Self {
            identity,
            scope,
            http,
        }
    }

    /// Asks for a token now, by the first credential that Entra does not refuse. Where it refuses
    /// all of several, the error is the last one's.
    pub async fn acquire(&self, now: UnixTime) -> Result<AccessToken, TokenRequestError> {
        let identity = &self.identity;
        let request = TokenRequest {
            http: &self.http,
            url: &identity.authority.token_endpoint(identity.endpoint),
            endpoint: identity.endpoint,
            client_id: &identity.client_id.to_string(),
            scope: &self.scope,
            now,
        };
        let mut credentials = identity.credentials.iter().enumerate().peekable();
        let mut passed_over = None;
        while let Some((place, credential)) = credentials.next() {
            match credential.acquire(&request).await {
                Err(error) if credentials.peek().is_some() && error.blames_credential() => {
                    let (identity, credential) = (&*identity.name, credential.kind());
                    tracing::warn!(identity, credential, %error, "the next credential is tried");
                    passed_over = Some(error.to_string().into());
                }
                response => {
                    let by = UsedCredential {
                        place,
                        kind: credential.kind(),
                        passed_over,
                    };
                    return AccessToken::of(&response?, identity.tokens, by, now, chance());
                }
            }
        }
        Err(TokenRequestError::NoCredential)
    }
}

impl Source for TokenSource {
    type Item = AccessToken;
    type Error = TokenRequestError;

    async fn fetch(&self, now: UnixTime) -> Result<AccessToken, TokenRequestError> {
        self.acquire(now).await
    }

    fn tell(&self, outcome: Outcome<'_, AccessToken, TokenRequestError>) {
        let (identity, scope) = (&*self.identity.name, self.scope.as_str());
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
                let url = self
                    .identity
                    .authority
                    .token_endpoint(self.identity.endpoint);
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
}

/// The credential that a token was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedCredential {
    /// Of the identity's, from 0.
    pub place: usize,
    pub kind: &'static str,
    /// Why the one before it was refused, where one was.
    pub passed_over: Option<Arc<str>>,
}

impl AccessToken {
    fn of(
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
