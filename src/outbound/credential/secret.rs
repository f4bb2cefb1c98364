//! A client secret: it goes into the form as it is.

use super::super::token_request::{TokenRequest, TokenRequestError};
use crate::entra::{Grant, TokenResponse};
use crate::secret::Secret;

/// `secret:` of the file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretCredential(pub Secret<String>);

impl SecretCredential {
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        request.send(Grant::Secret(&self.0)).await
    }
}
