//! Is this key and certificate one an application can prove itself with?

use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private};

use super::Certificate;
use crate::certified_key::{CertifiedKey, CertifiedKeyError};
use crate::clock::UnixTime;
use crate::secret::Secret;

/// An RSA key with its certificate, ready to sign.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateKey {
    pair: CertifiedKey,
    certificate: Certificate,
}

impl CertificateKey {
    /// From PEM: an RSA key (PKCS#8, PKCS#1 or encrypted PKCS#8) and its certificate, in one or two files.
    pub fn from_pem(
        certificate: &[u8],
        key: &[u8],
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, CertificateKeyError> {
        Self::of(CertifiedKey::from_pem(certificate, key, passphrase)?)
    }

    /// From PKCS#12, with today's ciphers or the old ones of Windows.
    pub fn from_pkcs12(
        bytes: &[u8],
        passphrase: Option<&Secret<String>>,
    ) -> Result<Self, CertificateKeyError> {
        Self::of(CertifiedKey::from_pkcs12(bytes, passphrase)?)
    }

    /// Where Entra would take it.
    pub fn of(pair: CertifiedKey) -> Result<Self, CertificateKeyError> {
        let written = pair.written().to_vec();
        let certificate = Certificate::of(written, pair.key(), pair.not_after())?;
        Ok(Self { pair, certificate })
    }

    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub fn not_after(&self) -> UnixTime {
        self.pair.not_after()
    }

    pub(super) fn key(&self) -> &PKeyRef<Private> {
        self.pair.key()
    }
}

impl std::fmt::Debug for CertificateKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("CertificateKey")
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateKeyError {
    #[error(transparent)]
    Pair(#[from] CertifiedKeyError),
    #[error("Entra takes RSA keys of at least 2048 bits; this is {0}")]
    UnsuitableKey(String),
    #[error("the assertion cannot be written as JSON")]
    Unwritable,
    #[error("signing failed: {0}")]
    Signing(#[from] ErrorStack),
}

#[cfg(test)]
#[path = "certificate_key_tests.rs"]
mod tests;
