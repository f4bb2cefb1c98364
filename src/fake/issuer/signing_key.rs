//! What signs the tokens? An RSA key with the self-signed wrapper that Entra publishes it in, known by
//! the thumbprint of that wrapper.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::fake::certificate::KeyPair;

/// A key that signs tokens. Cloning shares it.
#[derive(Clone)]
pub struct SigningKey {
    inner: Arc<Inner>,
}

/// What a token can be closed with; Entra's way is RS256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    None,
    /// HS256 with the public key's PEM as the shared secret: the classic confusion.
    Hs256WithPublicKey,
}

impl Algorithm {
    pub(in crate::fake) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::None => "none",
            Self::Hs256WithPublicKey => "HS256",
        }
    }
}

struct Inner {
    pair: KeyPair,
    kid: String,
    jwk: Value,
    public_pem: Vec<u8>,
}

impl SigningKey {
    pub fn generate() -> Result<Self, ErrorStack> {
        let pair = KeyPair::generate("accounts.accesscontrol.windows.net")?;
        let kid = URL_SAFE_NO_PAD.encode(pair.certificate().digest(MessageDigest::sha1())?);
        let mut jwk = jwk(&kid, pair.key())?;
        jwk["x5c"] = json!([STANDARD.encode(pair.certificate().to_der()?)]);
        Ok(Self {
            inner: Arc::new(Inner {
                kid,
                jwk,
                public_pem: pair.key().public_key_to_pem()?,
                pair,
            }),
        })
    }

    /// The certificate that it is published in, DER.
    pub fn certificate_der(&self) -> Result<Vec<u8>, ErrorStack> {
        self.inner.pair.certificate().to_der()
    }

    /// One key for the whole process, made when first asked for: making one takes its time.
    pub fn shared() -> Result<Self, ErrorStack> {
        static SHARED: Mutex<Option<SigningKey>> = Mutex::new(None);
        let mut shared = SHARED.lock();
        if let Some(key) = &*shared {
            return Ok(key.clone());
        }
        let key = Self::generate()?;
        *shared = Some(key.clone());
        Ok(key)
    }

    pub fn kid(&self) -> &str {
        &self.inner.kid
    }

    pub fn public_pem(&self) -> &[u8] {
        &self.inner.public_pem
    }

    /// As the key set shows it, without the members that only v2 key sets have.
    pub(super) fn jwk(&self) -> Value {
        self.inner.jwk.clone()
    }

    pub(in crate::fake) fn sign(
        &self,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, ErrorStack> {
        let digest = match algorithm {
            Algorithm::None => return Ok(Vec::new()),
            Algorithm::Hs256WithPublicKey => {
                let shared = PKey::hmac(self.public_pem())?;
                return Signer::new(MessageDigest::sha256(), &shared)?.sign_oneshot_to_vec(message);
            }
            Algorithm::Rs256 | Algorithm::Ps256 => MessageDigest::sha256(),
            Algorithm::Rs384 => MessageDigest::sha384(),
            Algorithm::Rs512 => MessageDigest::sha512(),
        };
        let mut signer = Signer::new(digest, self.inner.pair.key())?;
        if algorithm == Algorithm::Ps256 {
            signer.set_rsa_padding(Padding::PKCS1_PSS)?;
            signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        }
        signer.sign_oneshot_to_vec(message)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let key = PKey::public_key_from_pem(&self.inner.public_pem)?;
            Verifier::new(MessageDigest::sha256(), &key)?.verify_oneshot(signature, message)
        };
        verify().unwrap_or(false)
    }
}

/// As Entra publishes the public half, without its wrapper.
pub(in crate::fake) fn jwk(kid: &str, key: &PKeyRef<Private>) -> Result<Value, ErrorStack> {
    let rsa = key.rsa()?;
    Ok(json!({
        "kty": "RSA",
        "use": "sig",
        "kid": kid,
        "x5t": kid,
        "n": URL_SAFE_NO_PAD.encode(rsa.n().to_vec()),
        "e": URL_SAFE_NO_PAD.encode(rsa.e().to_vec()),
    }))
}
