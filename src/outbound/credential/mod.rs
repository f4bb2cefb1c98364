//! How an identity proves itself to Entra: one file a kind, each with how it is put into a token
//! request, and what of Entra's refusals it answers by itself.

mod assertion_file;
pub(super) mod beside;
mod certificate;
mod client_certificate;
mod command;
mod credentials;
mod exec;
mod file;
mod given;
mod managed_identity;
mod private_key;
mod secret;
mod signer;
mod standings;
mod token_proxy;

pub use assertion_file::AssertionFile;
pub use certificate::CertificateCredential;
pub use client_certificate::ClientCertificateCredential;
pub use credentials::Credentials;
pub use exec::{ExecCredential, Prints};
pub use managed_identity::ManagedIdentityCredential;
pub use private_key::{PrivateKeyCredential, PrivateKeyError, SigningAlgorithm};
pub use secret::SecretCredential;
pub use signer::{
    KeyVaultKey, KeyWanted, Pkcs11Key, SIGNING_COMMAND, SigningKey, TokenWanted, VaultLogin,
    VaultTransitKey, serve_pkcs11,
};
pub use standings::{CredentialStatus, Refused};
pub use token_proxy::{TokenProxy, Trusted};

use std::os::unix::ffi::OsStrExt;

use zeroize::Zeroizing;

use super::TokenRequestError;
use crate::clock::UnixTime;
use crate::entra::{TokenRequest, TokenResponse};
use crate::secret::Secret;

/// A credential as the file defines it, its material read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialDefinition {
    Secret(SecretCredential),
    Certificate(CertificateCredential),
    /// A token of another issuer's, such as a cluster's for its pod.
    FederatedToken(AssertionFile),
    /// An assertion that somebody else makes.
    Assertion(AssertionFile),
    Exec(ExecCredential),
    /// The token of an identity that the platform gives.
    ManagedIdentity(ManagedIdentityCredential),
    PrivateKey(PrivateKeyCredential),
    /// What is shown in the handshake with the token endpoint.
    ClientCertificate(ClientCertificateCredential),
}

impl CredentialDefinition {
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        match self {
            Self::Secret(secret) => secret.acquire(request).await,
            Self::Certificate(certificate) => certificate.acquire(request).await,
            Self::FederatedToken(file) | Self::Assertion(file) => file.acquire(request).await,
            Self::Exec(command) => command.acquire(request).await,
            Self::ManagedIdentity(identity) => identity.acquire(request).await,
            Self::PrivateKey(key) => key.acquire(request).await,
            Self::ClientCertificate(certificate) => certificate.acquire(request).await,
        }
    }

    /// What tells it from every other, its material included where it has any. Goes into an HMAC and nowhere
    /// else.
    pub(in crate::outbound) fn mark(&self) -> Secret<Vec<u8>> {
        let mut mark = Zeroizing::new(Vec::with_capacity(1024));
        let mut put = |part: &[u8]| {
            mark.extend_from_slice(part);
            mark.push(0);
        };
        put(self.kind().as_bytes());
        match self {
            Self::Secret(secret) => put(secret.value.expose().as_bytes()),
            Self::Certificate(certificate) => {
                put(certificate.key.certificate().thumbprint_sha256().as_bytes());
                put(certificate.claims.mark().as_bytes());
            }
            Self::FederatedToken(file) | Self::Assertion(file) => {
                put(file.path.as_os_str().as_bytes());
            }
            Self::Exec(command) => {
                put(command.program.as_os_str().as_bytes());
                let arguments = command.arguments.iter();
                arguments.for_each(|argument| put(argument.as_bytes()));
            }
            Self::ManagedIdentity(managed) => {
                put(format!("{:?}", managed.identity.selector).as_bytes());
            }
            Self::PrivateKey(key) => put(&key.mark()),
            Self::ClientCertificate(certificate) => {
                certificate.0.written().iter().for_each(|der| put(der));
            }
        }
        Secret::new(std::mem::take(&mut *mark))
    }

    /// When it ends, where that is known; of what is renewed by others, the one that was seen last.
    pub fn ends_at(&self) -> Option<UnixTime> {
        match self {
            Self::Secret(secret) => secret.ends_at,
            Self::Certificate(certificate) => Some(certificate.key.certificate().not_after()),
            Self::FederatedToken(file) | Self::Assertion(file) => file.ends_at(),
            Self::Exec(command) => command.ends_at(),
            Self::ManagedIdentity(_) | Self::PrivateKey(_) => None,
            Self::ClientCertificate(certificate) => Some(certificate.0.not_after()),
        }
    }

    /// Whether people must renew it.
    pub fn is_renewed_by_hand(&self) -> bool {
        matches!(
            self,
            Self::Secret(_) | Self::Certificate(_) | Self::ClientCertificate(_)
        )
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Certificate(_) | Self::ClientCertificate(_) => "certificate",
            Self::FederatedToken(_) => "federated_token",
            Self::Assertion(_) => "assertion",
            Self::Exec(_) => "exec",
            Self::ManagedIdentity(_) => "managed_identity",
            Self::PrivateKey(_) => "private_key",
        }
    }
}
