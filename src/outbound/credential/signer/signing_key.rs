//! The key that signs for us: here, or in a safe elsewhere.

use serde_json::Value;

use super::{KeyVaultKey, Pkcs11Key, VaultTransitKey};
use crate::clock::UnixTime;
use crate::entra::{Algorithm, Assertion, Certificate, CertificateKey, CertificateKeyError};
use crate::http_client::{Answer, HttpClient};
use crate::located::visible;
use crate::outbound::TokenRequestError;
use crate::secret::Secret;

/// A signature is a few hundred bytes, an error not much more.
pub(super) const LARGEST: usize = 64 * 1024;

/// So much of what a safe says is told.
const TOLD: usize = 300;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKey {
    Here(CertificateKey),
    KeyVault(Certificate, Box<KeyVaultKey>),
    VaultTransit(Certificate, Box<VaultTransitKey>),
    Pkcs11(Certificate, Box<Pkcs11Key>),
}

/// What a safe is to sign.
pub(super) struct SignatureWanted<'a> {
    pub(super) algorithm: Algorithm,
    /// SHA-256 of what is signed.
    pub(super) digest: &'a [u8; 32],
}

impl SigningKey {
    pub fn certificate(&self) -> &Certificate {
        match self {
            Self::Here(key) => key.certificate(),
            Self::KeyVault(certificate, _)
            | Self::VaultTransit(certificate, _)
            | Self::Pkcs11(certificate, _) => certificate,
        }
    }

    pub(in crate::outbound::credential) async fn sign(
        &self,
        assertion: &Assertion,
        (algorithm, with_chain): (Algorithm, bool),
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Secret<String>, TokenRequestError> {
        let unsigned = assertion.unsigned(self.certificate(), algorithm, with_chain);
        let signing = |why: CertificateKeyError| TokenRequestError::Signing(why.to_string());
        let unsigned = unsigned.map_err(signing)?;
        let wanted = SignatureWanted {
            algorithm,
            digest: &unsigned.digest(),
        };
        let (safe, signature) = match self {
            Self::Here(key) => return unsigned.sign(key).map_err(signing),
            Self::KeyVault(_, safe) => (safe.to_string(), safe.sign(&wanted, http, now).await),
            Self::VaultTransit(_, safe) => (safe.to_string(), safe.sign(&wanted, http, now).await),
            Self::Pkcs11(_, safe) => (safe.to_string(), safe.sign(&wanted).await),
        };
        let unproven =
            |why: &str| TokenRequestError::Unproven(format!("{safe} did not sign: {why}"));
        let signature = signature.map_err(|why| unproven(&why))?;
        // SECURITY: what another key signed, or nobody, is sent to nobody.
        let signed = unsigned.signed(self.certificate(), &signature);
        signed.ok_or_else(|| {
            unproven(
                "its signature does not fit the certificate; is that the certificate of this key, and of \
                 this version of it?",
            )
        })
    }
}

/// What a safe answered, where it did as it was asked; else what it says of that, by `errors`.
pub(super) fn answered(
    answer: &Answer,
    errors: impl Fn(&Value) -> Vec<&str>,
) -> Result<Value, String> {
    let status = answer.status;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if status == 200 {
        return Ok(body);
    }
    let said = errors(&body).join(": ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(TOLD).map(visible).collect();
    // SECURITY: it may quote what it was given.
    Err(
        match said.is_empty() || said.contains("eyJ") || said.contains("hvs.") {
            true => format!("status {status}"),
            false => format!("status {status}, {said}"),
        },
    )
}
