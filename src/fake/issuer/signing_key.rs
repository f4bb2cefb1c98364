//! What signs the tokens? An RSA key with the self-signed wrapper that Entra publishes it in, known by
//! the thumbprint of that wrapper.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::sign::Verifier;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::fake::certificate::KeyPair;

/// A key that signs tokens. Cloning shares it.
#[derive(Clone)]
pub struct SigningKey {
    inner: Arc<Inner>,
}

struct Inner {
    pair: KeyPair,
    kid: String,
    jwk: Map<String, Value>,
    public_pem: Vec<u8>,
}

impl SigningKey {
    /// A fresh key of 2048 bits.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn generate() -> Result<Self, ErrorStack> {
        let pair = KeyPair::generate("accounts.accesscontrol.windows.net")?;
        let kid = URL_SAFE_NO_PAD.encode(pair.certificate().digest(MessageDigest::sha1())?);
        let rsa = pair.key().rsa()?;
        let jwk = [
            ("kty", json!("RSA")),
            ("use", json!("sig")),
            ("kid", json!(kid)),
            ("x5t", json!(kid)),
            ("n", json!(URL_SAFE_NO_PAD.encode(rsa.n().to_vec()))),
            ("e", json!(URL_SAFE_NO_PAD.encode(rsa.e().to_vec()))),
            (
                "x5c",
                json!([STANDARD.encode(pair.certificate().to_der()?)]),
            ),
        ];
        let jwk = jwk
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
        Ok(Self {
            inner: Arc::new(Inner {
                kid,
                jwk,
                public_pem: pair.key().public_key_to_pem()?,
                pair,
            }),
        })
    }

    /// One key for the whole process, made when first asked for: making one takes its time.
    ///
    /// # Errors
    /// When OpenSSL fails.
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

    /// By what a token's header names it.
    pub fn kid(&self) -> &str {
        &self.inner.kid
    }

    /// The public half as PEM.
    pub fn public_pem(&self) -> &[u8] {
        &self.inner.public_pem
    }

    /// As the key set shows it, without the members that only v2 key sets have.
    pub(super) fn jwk(&self) -> Map<String, Value> {
        self.inner.jwk.clone()
    }

    pub(in crate::fake) fn private(&self) -> &PKeyRef<Private> {
        self.inner.pair.key()
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verify = || -> Result<bool, ErrorStack> {
            let key = PKey::public_key_from_pem(&self.inner.public_pem)?;
            Verifier::new(MessageDigest::sha256(), &key)?.verify_oneshot(signature, message)
        };
        verify().unwrap_or(false)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}
