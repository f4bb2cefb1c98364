//! A managed identity in the place of a secret: the platform gives a token that is meant for nothing but to
//! prove an application that trusts this identity (a federated credential of its registration), and Entra
//! takes it as the assertion.

use crate::entra::{ClientProof, Cloud, ManagedIdentity, TokenRequest, TokenResponse};
use crate::outbound::TokenRequestError;

/// `managed_identity:` among the credentials of an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedIdentityCredential {
    pub identity: ManagedIdentity,
    /// Of the application: each has its own name for what such a token is meant for.
    pub cloud: Cloud,
}

impl ManagedIdentityCredential {
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        let (http, now) = (request.http, request.now);
        let exchange = self.cloud.token_exchange();
        // The platform keeps it; it is asked again each time, as it wants to be.
        let proof = self.identity.token(http, exchange, now).await?;
        let proof = ClientProof::Assertion(&proof.access_token);
        Ok(request.send(proof).await?)
    }
}
