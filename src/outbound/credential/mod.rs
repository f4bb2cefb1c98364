//! How an identity proves itself to Entra: one file a kind.

mod certificate;

pub use certificate::CertificateCredential;

use crate::secret::Secret;

/// A credential as the file defines it, its material read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialDefinition {
    /// A client secret.
    Secret(Secret<String>),
    /// A certificate with its key.
    Certificate(CertificateCredential),
}
