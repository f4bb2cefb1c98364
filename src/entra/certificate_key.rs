//! Is this key and certificate one an application can prove itself with? Entra takes RSA only, and knows
//! it by its thumbprint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKeyRef, Private};
use openssl::sha::{sha1, sha256};

use crate::certified_key::{CertifiedKey, CertifiedKeyError};
use crate::clock::UnixTime;
use crate::secret::Secret;

const LEAST_BITS: u32 = 2048;

/// An RSA key with its certificate, ready to sign.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateKey {
    pair: CertifiedKey,
    thumbprint_sha1: String,
    thumbprint_sha256: String,
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
        suitable(pair.key())?;
        let own = pair.written().first().map_or(&[][..], Vec::as_slice);
        Ok(Self {
            thumbprint_sha1: URL_SAFE_NO_PAD.encode(sha1(own)),
            thumbprint_sha256: URL_SAFE_NO_PAD.encode(sha256(own)),
            pair,
        })
    }

    /// `x5t`: base64url of the certificate's SHA-1.
    pub fn thumbprint_sha1(&self) -> &str {
        &self.thumbprint_sha1
    }

    /// `x5t#S256`: base64url of the certificate's SHA-256.
    pub fn thumbprint_sha256(&self) -> &str {
        &self.thumbprint_sha256
    }

    /// The certificate's SHA-1 as Entra's pages show it: hexadecimal, in capitals.
    pub fn thumbprint_hex(&self) -> String {
        let digest = sha1(self.certificate());
        digest.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The certificate, DER.
    pub fn certificate(&self) -> &[u8] {
        self.pair.written().first().map_or(&[], Vec::as_slice)
    }

    pub fn not_after(&self) -> UnixTime {
        self.pair.not_after()
    }

    pub(super) fn key(&self) -> &PKeyRef<Private> {
        self.pair.key()
    }

    /// The certificate and its chain, DER, leaf first.
    pub(super) fn chain(&self) -> &[Vec<u8>] {
        self.pair.written()
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

fn suitable(key: &PKeyRef<Private>) -> Result<(), CertificateKeyError> {
    let what = match key.id() {
        Id::RSA if key.bits() >= LEAST_BITS => return Ok(()),
        Id::RSA => &format!("RSA of {} bits", key.bits()),
        Id::RSA_PSS => "an RSA key restricted to PSS",
        Id::EC => "an EC key",
        Id::ED25519 | Id::ED448 => "an EdDSA key",
        _ => "another kind of key",
    };
    Err(CertificateKeyError::UnsuitableKey(what.to_owned()))
}

#[cfg(test)]
#[path = "certificate_key_tests.rs"]
mod tests;
