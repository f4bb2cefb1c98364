//! A client assertion (RFC 7523 §2.2, Entra's certificate credentials): a JWT by which an
//! application proves itself with its certificate's key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sha::sha256;
use openssl::sign::{RsaPssSaltlen, Signer};

use super::{AssertionClaims, Certificate, CertificateKey, CertificateKeyError};
use crate::clock::UnixTime;
use crate::secret::Secret;

/// The longest that Entra takes.
const LIFETIME: Duration = Duration::from_secs(600);

/// The claims of an assertion, before it is signed. Everything that varies is an argument.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Assertion {
    /// The URL the assertion is posted to.
    pub aud: String,
    pub iss: String,
    pub sub: String,
    pub jti: String,
    pub nbf: u64,
    pub iat: u64,
    /// Expires: ten minutes at most after `nbf`.
    pub exp: u64,
    #[serde(flatten)]
    pub more: AssertionClaims,
}

impl Assertion {
    /// The assertion for one token request; `jti` is a fresh GUID.
    pub fn new(client_id: &str, token_endpoint: &str, jti: String, now: UnixTime) -> Self {
        Self {
            aud: token_endpoint.to_owned(),
            iss: client_id.to_owned(),
            sub: client_id.to_owned(),
            jti,
            nbf: now.seconds(),
            iat: now.seconds(),
            exp: now.plus(LIFETIME).seconds(),
            more: AssertionClaims::default(),
        }
    }

    /// The same with what else it claims.
    pub fn claiming(self, more: &AssertionClaims) -> Self {
        let more = more.clone();
        Self { more, ..self }
    }

    pub fn sign(
        &self,
        key: &CertificateKey,
        algorithm: Algorithm,
        with_chain: bool,
    ) -> Result<Secret<String>, CertificateKeyError> {
        let unsigned = self.unsigned(key.certificate(), algorithm, with_chain)?;
        unsigned.sign(key)
    }

    /// The same for a key that is elsewhere.
    pub fn unsigned(
        &self,
        certificate: &Certificate,
        algorithm: Algorithm,
        with_chain: bool,
    ) -> Result<UnsignedAssertion, CertificateKeyError> {
        let header = Header::of(certificate, algorithm, with_chain);
        let mut input = encoded(&header)?;
        input.push('.');
        input.push_str(&encoded(self)?);
        Ok(UnsignedAssertion { input, algorithm })
    }
}

/// Header and claims of an assertion, as they are signed.
#[derive(Clone, Debug)]
pub struct UnsignedAssertion {
    input: String,
    algorithm: Algorithm,
}

impl UnsignedAssertion {
    pub fn sign(self, key: &CertificateKey) -> Result<Secret<String>, CertificateKeyError> {
        let signature = self.algorithm.signature(key, self.input.as_bytes())?;
        Ok(self.with(&signature))
    }

    /// SHA-256 of what is signed.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.input.as_bytes())
    }

    /// With a signature that was made elsewhere, where the certificate's key made it.
    pub fn signed(self, certificate: &Certificate, signature: &[u8]) -> Option<Secret<String>> {
        let fits = certificate.verifies(self.algorithm, self.input.as_bytes(), signature);
        fits.then(|| self.with(signature))
    }

    fn with(self, signature: &[u8]) -> Secret<String> {
        let mut token = self.input;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Secret::new(token)
    }
}

/// How an assertion is signed and which thumbprint names the certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PSS with SHA-256, `x5t#S256`.
    #[default]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, `x5t`.
    Rs256,
}

impl Algorithm {
    /// As in a JOSE header (RFC 7518 §3.1).
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    fn signature(self, key: &CertificateKey, input: &[u8]) -> Result<Vec<u8>, CertificateKeyError> {
        let mut signer = Signer::new(MessageDigest::sha256(), key.key())?;
        match self {
            Self::Ps256 => {
                // RFC 7518 §3.5: MGF1 with the same hash, and a salt as long as its output.
                signer.set_rsa_padding(Padding::PKCS1_PSS)?;
                signer.set_rsa_mgf1_md(MessageDigest::sha256())?;
                signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
            Self::Rs256 => signer.set_rsa_padding(Padding::PKCS1)?,
        }
        Ok(signer.sign_oneshot_to_vec(input)?)
    }
}

#[derive(serde::Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<&'a str>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    x5c: Vec<String>,
}

impl<'a> Header<'a> {
    fn of(certificate: &'a Certificate, algorithm: Algorithm, with_chain: bool) -> Self {
        let (x5t, x5t_s256) = match algorithm {
            Algorithm::Ps256 => (None, Some(certificate.thumbprint_sha256())),
            Algorithm::Rs256 => (Some(certificate.thumbprint_sha1()), None),
        };
        let chain: &[Vec<u8>] = if with_chain { certificate.chain() } else { &[] };
        Self {
            alg: algorithm.word(),
            typ: "JWT",
            x5t,
            x5t_s256,
            // RFC 7515 §4.1.6: base64, not base64url.
            x5c: chain.iter().map(|der| STANDARD.encode(der)).collect(),
        }
    }
}

fn encoded(part: &impl serde::Serialize) -> Result<String, CertificateKeyError> {
    let json = serde_json::to_vec(part).map_err(|_| CertificateKeyError::Unwritable)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
