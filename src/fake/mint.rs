//! What does a verifier make of it? Any header over any payload, signed with a real key: for the tests of
//! those who verify. What Entra would issue is made by `TokenBuilder`.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::fixtures::rsa;
use super::issuer::jwk;

/// An issuer's signing key.
pub(crate) struct Mint {
    pub(crate) kid: &'static str,
    pub(crate) key: PKey<Private>,
}

impl Mint {
    /// The key that tests publish.
    pub(crate) fn published() -> &'static Self {
        static MINT: LazyLock<Mint> = LazyLock::new(|| Mint::new("published"));
        &MINT
    }

    /// A key of the same size that nobody published.
    pub(crate) fn foreign() -> &'static Self {
        static MINT: LazyLock<Mint> = LazyLock::new(|| Mint::new("foreign"));
        &MINT
    }

    fn new(kid: &'static str) -> Self {
        Self {
            kid,
            key: rsa(2048),
        }
    }

    /// The public half as Entra publishes it.
    pub(crate) fn jwk(&self) -> Value {
        jwk(self.kid, &self.key).unwrap()
    }

    /// A compact serialisation of exactly this header and payload, signed by RS256.
    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_with(header, payload, MessageDigest::sha256(), Padding::PKCS1)
    }

    /// The same, by another digest or padding.
    pub(crate) fn sign_with(
        &self,
        header: &str,
        payload: &str,
        digest: MessageDigest,
        padding: Padding,
    ) -> String {
        let message = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(payload.as_bytes())
        );
        let mut signer = Signer::new(digest, &self.key).unwrap();
        signer.set_rsa_padding(padding).unwrap();
        let signature = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
        format!("{message}.{}", encode(&signature))
    }

    /// A token with the header Entra would give it.
    pub(crate) fn token(&self, payload: &Value) -> String {
        self.sign(&self.header(), &payload.to_string())
    }

    /// The header Entra gives v2 tokens.
    pub(crate) fn header(&self) -> String {
        json!({ "typ": "JWT", "alg": "RS256", "kid": self.kid }).to_string()
    }
}

/// Base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
