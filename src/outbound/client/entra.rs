//! An app registration of Microsoft Entra ID: its credentials are put to its tenant's token endpoint in
//! order.

use super::{Acquired, UsedCredential};
use crate::clock::UnixTime;
use crate::entra::{Authority, Endpoint, Grant, TokenRequest};
use crate::guid::Guid;
use crate::http_client::HttpClient;
use crate::outbound::{CredentialDefinition, TokenRequestError, Wanted};

/// `entra:` of an identity, with its `credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraClient {
    pub authority: Authority,
    pub client_id: Guid,
    /// v2 unless asked otherwise.
    pub endpoint: Endpoint,
    /// How it proves itself: tried in order, the next one where Entra refuses one.
    pub credentials: Vec<CredentialDefinition>,
}

impl EntraClient {
    pub fn token_endpoint(&self) -> String {
        self.authority.token_endpoint(self.endpoint)
    }

    /// By the first credential that Entra does not refuse. Where it refuses all of several, the error is
    /// the last one's.
    pub(super) async fn acquire(
        &self,
        identity: &str,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        let request = TokenRequest {
            http,
            url: &self.token_endpoint(),
            endpoint: self.endpoint,
            client_id: &self.client_id.to_string(),
            scope: &wanted.scope,
            grant: match &wanted.assertion {
                Some(assertion) => Grant::OnBehalfOf(assertion),
                None => Grant::ClientCredentials,
            },
            claims: wanted.claims.as_deref(),
            now,
        };
        let mut credentials = self.credentials.iter().enumerate().peekable();
        let mut passed_over = None;
        while let Some((place, credential)) = credentials.next() {
            match credential.acquire(&request).await {
                Err(error) if credentials.peek().is_some() && error.blames_credential() => {
                    let credential = credential.kind();
                    tracing::warn!(identity, credential, %error, "the next credential is tried");
                    passed_over = Some(error.to_string().into());
                }
                response => {
                    let by = UsedCredential {
                        place,
                        kind: credential.kind(),
                        passed_over,
                    };
                    let response = response?;
                    return Ok(Acquired { response, by });
                }
            }
        }
        Err(TokenRequestError::NoCredential)
    }
}
