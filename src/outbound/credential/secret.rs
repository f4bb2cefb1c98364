//! A client secret: it goes into the form as it is.

use crate::entra::{ClientProof, TokenRequest, TokenResponse};
use crate::outbound::TokenRequestError;
use crate::secret::Secret;

/// `secret:` of the file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretCredential(pub Secret<String>);

impl SecretCredential {
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        Ok(request.send(ClientProof::Secret(&self.0)).await?)
    }
}
