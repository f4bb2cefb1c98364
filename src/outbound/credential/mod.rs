//! How an identity proves itself to Entra: one file a kind, each with how it is put into a token
//! request, and what of Entra's refusals it answers by itself.

mod certificate;
mod secret;

pub use certificate::CertificateCredential;
pub use secret::SecretCredential;

use super::TokenRequestError;
use crate::clock::UnixTime;
use crate::entra::{TokenRequest, TokenResponse};

/// A credential as the file defines it, its material read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialDefinition {
    Secret(SecretCredential),
    Certificate(CertificateCredential),
}

impl CredentialDefinition {
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        match self {
            Self::Secret(secret) => secret.acquire(request).await,
            Self::Certificate(certificate) => certificate.acquire(request).await,
        }
    }

    /// When it ends, where that can be known.
    pub fn not_after(&self) -> Option<UnixTime> {
        match self {
            Self::Secret(_) => None,
            Self::Certificate(certificate) => Some(certificate.key.not_after()),
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Certificate(_) => "certificate",
        }
    }
}
