//! A client secret: it goes into the form as it is.

use crate::clock::UnixTime;
use crate::entra::{ClientProof, TokenRequest, TokenResponse};
use crate::outbound::TokenRequestError;
use crate::secret::Secret;

/// `secret:` of the file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretCredential {
    pub value: Secret<String>,
    /// `ends:`, for nobody can see it in the secret.
    pub ends_at: Option<UnixTime>,
}

impl SecretCredential {
    /// One of which nobody knows when it ends.
    pub fn new(value: Secret<String>) -> Self {
        Self {
            value,
            ends_at: None,
        }
    }

    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        Ok(request.send(ClientProof::Secret(&self.value)).await?)
    }
}
