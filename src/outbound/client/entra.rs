//! An app registration of Microsoft Entra ID: its credentials are put to its tenant's token endpoint in
//! order.

use super::Acquired;
use crate::clock::UnixTime;
use crate::entra::{Authority, Capability, Dialect, Endpoint, Grant, TokenRequest, claims_request};
use crate::guid::Guid;
use crate::http_client::HttpClient;
use crate::outbound::{Credentials, TokenRequestError, Wanted};

/// `entra:` of an identity, with its `credentials`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraClient {
    pub authority: Authority,
    pub client_id: Guid,
    /// v2 unless asked otherwise.
    pub endpoint: Endpoint,
    /// What it says that it can do.
    pub capabilities: Vec<Capability>,
    /// How it proves itself: tried in order, the next one where Entra refuses one.
    pub credentials: Credentials,
}

impl EntraClient {
    pub fn token_endpoint(&self) -> String {
        self.authority.token_endpoint(self.endpoint)
    }

    /// SECURITY: a tenant of the same cloud, at the same base URL.
    fn asked(&self, wanted: &Wanted) -> Authority {
        match wanted.tenant {
            Some(tenant) => self.authority.of(tenant),
            None => self.authority.clone(),
        }
    }

    pub(super) async fn acquire(
        &self,
        identity: &str,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        let claims = claims_request(&self.capabilities, wanted.claims.as_deref());
        let request = TokenRequest {
            http,
            url: &self.asked(wanted).token_endpoint(self.endpoint),
            dialect: Dialect::Entra(self.endpoint),
            client_id: &self.client_id.to_string(),
            scope: &wanted.scope,
            grant: match &wanted.assertion {
                Some(assertion) => Grant::OnBehalfOf(assertion),
                None => Grant::ClientCredentials,
            },
            claims: claims.as_deref(),
            is_elsewhere: wanted
                .tenant
                .is_some_and(|it| it != self.authority.tenant().guid()),
            now,
        };
        self.credentials.acquire(identity, &request).await
    }
}
