//! Where an app-only token comes from: an identity's credentials, put to its token endpoint in
//! order.

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use super::token_request::{TokenRequest, TokenRequestError};
use super::{IdentityDefinition, TokenTimes};
use crate::clock::UnixTime;
use crate::entra::{EntraError, TokenEndpoint, TokenResponse};
use crate::http_client::HttpClient;
use crate::refresh::{chance, renew_at};

/// Acquires tokens for one identity; keeps none.
#[derive(Debug)]
pub struct TokenSource {
    identity: IdentityDefinition,
    endpoint: TokenEndpoint,
    http: HttpClient,
}

impl TokenSource {
    pub fn new(identity: IdentityDefinition, http: HttpClient) -> Self {
        let endpoint = TokenEndpoint {
            url: identity.authority.token_endpoint(identity.endpoint),
            endpoint: identity.endpoint,
        };
        Self {
            identity,
            endpoint,
            http,
        }
    }

    pub fn identity(&self) -> &IdentityDefinition {
        &self.identity
    }

    /// Asks for a token now, by the first credential that Entra does not refuse.
    ///
    /// # Errors
    /// Why none came; of several credentials that were refused, why the last one was.
    pub async fn acquire(
        &self,
        scope: &str,
        now: UnixTime,
    ) -> Result<AccessToken, TokenRequestError> {
        let identity = &self.identity;
        let request = TokenRequest {
            http: &self.http,
            endpoint: &self.endpoint,
            client_id: &identity.client_id.to_string(),
            scope,
            now,
        };
        let mut credentials = identity.credentials.iter().peekable();
        while let Some(credential) = credentials.next() {
            match credential.acquire(&request).await {
                Err(error) if credentials.peek().is_some() && error.blames_credential() => {
                    let (identity, credential) = (&*identity.name, credential.kind());
                    tracing::warn!(identity, credential, %error, "the next credential is tried");
                }
                response => return AccessToken::of(&response?, identity.tokens, now, chance()),
            }
        }
        Err(TokenRequestError::NoCredential)
    }
}

/// A token ready to be sent.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// `Bearer …`, marked sensitive.
    pub header: HeaderValue,
    pub expires_at: UnixTime,
    pub renew_at: UnixTime,
}

impl AccessToken {
    fn of(
        response: &TokenResponse,
        times: TokenTimes,
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
        })
    }
}

#[cfg(test)]
#[path = "token_source_tests.rs"]
mod tests;
