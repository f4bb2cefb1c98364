//! A private key whose public half the authorization server knows (`private_key_jwt`, OpenID Connect
//! Core §9): every token request carries a fresh assertion signed by it (RFC 7523 §2.2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use serde_json::json;
use uuid::Uuid;

use crate::entra::{AssertionClaims, ClientProof, TokenRequest, TokenResponse};
use crate::outbound::TokenRequestError;
use crate::secret::Secret;

/// How long an assertion may be used, for clocks that differ; many servers take no more than some minutes.
const LIFETIME: Duration = Duration::from_secs(120);

/// Below it, RSA is broken or will be (RFC 7518 §3.3).
const LEAST_RSA_BITS: u32 = 2048;

/// `private_key:` of the file, read.
#[derive(Clone, Debug)]
pub struct PrivateKeyCredential {
    key: PKey<Private>,
    algorithm: SigningAlgorithm,
    /// Which of the client's keys it is, to the server.
    kid: Option<String>,
    /// What else each assertion claims.
    claims: AssertionClaims,
}

impl PrivateKeyCredential {
    /// With the algorithm that is asked for, or the one that servers expect of such a key.
    ///
    /// # Errors
    /// What is wrong with the key, or with the two together.
    pub fn new(
        key: PKey<Private>,
        algorithm: Option<SigningAlgorithm>,
        kid: Option<String>,
    ) -> Result<Self, PrivateKeyError> {
        let fitting = SigningAlgorithm::fitting(&key)?;
        let algorithm = match algorithm {
            None => fitting[0],
            Some(asked) if fitting.contains(&asked) => asked,
            Some(asked) => {
                let asked = asked.word();
                return Err(PrivateKeyError::Mismatch { asked, fitting });
            }
        };
        Ok(Self {
            key,
            algorithm,
            kid,
            claims: AssertionClaims::default(),
        })
    }

    /// The same with what else its assertions claim.
    pub fn claiming(self, claims: AssertionClaims) -> Self {
        Self { claims, ..self }
    }

    /// What tells it from others: its public half, and how it is called.
    pub(super) fn mark(&self) -> Vec<u8> {
        let mut mark = self.key.public_key_to_der().unwrap_or_default();
        mark.extend_from_slice(self.kid.as_deref().unwrap_or_default().as_bytes());
        mark.extend_from_slice(self.claims.mark().as_bytes());
        mark
    }

    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        let assertion = self
            .assertion(request)
            .map_err(|error| TokenRequestError::Signing(error.to_string()))?;
        Ok(request.send(ClientProof::Assertion(&assertion)).await?)
    }

    /// Without `nbf`, which a server whose clock is behind ours would mind.
    fn assertion(&self, request: &TokenRequest<'_>) -> Result<Secret<String>, ErrorStack> {
        let mut header = json!({ "alg": self.algorithm.word(), "typ": "JWT" });
        if let Some(kid) = &self.kid {
            header["kid"] = kid.as_str().into();
        }
        let mut claims = json!({
            "iss": request.client_id,
            "sub": request.client_id,
            "aud": request.audience,
            "jti": Uuid::new_v4().hyphenated().to_string(),
            "iat": request.now.seconds(),
            "exp": request.now.plus(LIFETIME).seconds(),
        });
        if let Some(members) = claims.as_object_mut() {
            members.extend(self.claims.iter());
        }
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let signature = self.algorithm.sign(&self.key, token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(Secret::new(token))
    }
}

impl PartialEq for PrivateKeyCredential {
    fn eq(&self, other: &Self) -> bool {
        (self.algorithm, &self.kid, &self.claims) == (other.algorithm, &other.kid, &other.claims)
            && self.key.public_eq(&other.key)
    }
}

impl Eq for PrivateKeyCredential {}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    #[error(
        "an assertion is signed by RSA of at least 2048 bits, EC (P-256, P-384, P-521) or Ed25519"
    )]
    Unsuitable,
    #[error("`{asked}` is not for this key; it can sign by {}", listed(fitting))]
    Mismatch {
        asked: &'static str,
        fitting: &'static [SigningAlgorithm],
    },
}

fn listed(algorithms: &[SigningAlgorithm]) -> String {
    let words = algorithms.iter().map(|one| format!("`{}`", one.word()));
    words.collect::<Vec<_>>().join(", ")
}

/// How an assertion is signed (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

use SigningAlgorithm::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};

impl SigningAlgorithm {
    pub const ALL: &[(&str, Self)] = &[
        ("RS256", Rs256),
        ("RS384", Rs384),
        ("RS512", Rs512),
        ("PS256", Ps256),
        ("PS384", Ps384),
        ("PS512", Ps512),
        ("ES256", Es256),
        ("ES384", Es384),
        ("ES512", Es512),
        ("EdDSA", EdDsa),
    ];

    /// `alg`.
    pub fn word(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, one)| *one == self);
        known.map_or("", |(word, _)| word)
    }

    /// What a key can sign by, the usual one first.
    fn fitting(key: &PKey<Private>) -> Result<&'static [Self], PrivateKeyError> {
        let curve = || key.ec_key().ok()?.group().curve_name();
        match key.id() {
            // OpenID Connect Core §15.1: the one that every server takes.
            Id::RSA if key.bits() >= LEAST_RSA_BITS => {
                Ok(&[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512])
            }
            Id::EC => match curve() {
                Some(Nid::X9_62_PRIME256V1) => Ok(&[Es256]),
                Some(Nid::SECP384R1) => Ok(&[Es384]),
                Some(Nid::SECP521R1) => Ok(&[Es512]),
                _ => Err(PrivateKeyError::Unsuitable),
            },
            Id::ED25519 => Ok(&[EdDsa]),
            _ => Err(PrivateKeyError::Unsuitable),
        }
    }

    fn sign(self, key: &PKey<Private>, input: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let digest = match self {
            EdDsa => return Signer::new_without_digest(key)?.sign_oneshot_to_vec(input),
            Rs256 | Ps256 | Es256 => MessageDigest::sha256(),
            Rs384 | Ps384 | Es384 => MessageDigest::sha384(),
            Rs512 | Ps512 | Es512 => MessageDigest::sha512(),
        };
        let mut signer = Signer::new(digest, key)?;
        match self {
            Rs256 | Rs384 | Rs512 => signer.set_rsa_padding(Padding::PKCS1)?,
            Ps256 | Ps384 | Ps512 => {
                // RFC 7518 §3.5: MGF1 with the same hash, and a salt as long as its output.
                signer.set_rsa_padding(Padding::PKCS1_PSS)?;
                signer.set_rsa_mgf1_md(digest)?;
                signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
            Es256 | Es384 | Es512 | EdDsa => {}
        }
        let signature = signer.sign_oneshot_to_vec(input)?;
        match self {
            Es256 => raw(&signature, 32),
            Es384 => raw(&signature, 48),
            Es512 => raw(&signature, 66),
            _ => Ok(signature),
        }
    }
}

/// R and S side by side, each of the curve's length, and not the DER of them (RFC 7518 §3.4).
fn raw(der: &[u8], length: i32) -> Result<Vec<u8>, ErrorStack> {
    let signature = EcdsaSig::from_der(der)?;
    let r = signature.r().to_vec_padded(length)?;
    let s = signature.s().to_vec_padded(length)?;
    Ok([r, s].concat())
}

#[cfg(test)]
#[path = "private_key_tests.rs"]
mod tests;
