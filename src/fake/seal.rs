//! What closes a token? A signature by one of RSA's algorithms, nothing at all, or a checksum with what
//! everybody knows.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};

use super::issuer::SigningKey;

/// An algorithm that an RSA key can sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// What Entra signs with.
    Rs256,
    /// As RS256, with SHA-384.
    Rs384,
    /// As RS256, with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

/// The end of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// A signature.
    Signature(Algorithm),
    /// `alg: none`.
    None,
    /// HS256 with the public key as the shared secret.
    HmacWithPublicKey,
}

impl Seal {
    /// `alg`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Signature(Algorithm::Rs256) => "RS256",
            Self::Signature(Algorithm::Rs384) => "RS384",
            Self::Signature(Algorithm::Rs512) => "RS512",
            Self::Signature(Algorithm::Ps256) => "PS256",
            Self::None => "none",
            Self::HmacWithPublicKey => "HS256",
        }
    }

    /// Closes a message.
    pub(super) fn sign(self, key: &SigningKey, message: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let algorithm = match self {
            Self::Signature(algorithm) => algorithm,
            Self::None => return Ok(Vec::new()),
            Self::HmacWithPublicKey => {
                let shared = PKey::hmac(key.public_pem())?;
                return Signer::new(MessageDigest::sha256(), &shared)?.sign_oneshot_to_vec(message);
            }
        };
        let digest = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => MessageDigest::sha256(),
            Algorithm::Rs384 => MessageDigest::sha384(),
            Algorithm::Rs512 => MessageDigest::sha512(),
        };
        let mut signer = Signer::new(digest, key.private())?;
        if algorithm == Algorithm::Ps256 {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        signer.sign_oneshot_to_vec(message)
    }
}
