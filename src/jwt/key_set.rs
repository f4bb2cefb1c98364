//! Which keys does an issuer publish? A parsed JWK set (RFC 7517): RSA signing keys of a sane size,
//! by `kid`. Unusable members are left out; a set with none left is an error.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;

use super::json;
use super::provider::EXPONENT;
use super::token::LONGEST_KEY_ID;

/// The most members a set may have; Entra's documentation tells clients to plan for 10 to 1000.
const MOST_KEYS: usize = 1000;

#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: HashMap<String, Arc<Key>>,
}

#[derive(Debug)]
pub struct Key {
    pub id: String,
    /// Entra's `issuer` member of a v2 key; may hold `{tenantid}`.
    pub issuer: Option<String>,
    pub(super) decoding: DecodingKey,
}

impl KeySet {
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        let members = json::object::<Document>(document)?.keys;
        let count = members.len();
        if count > MOST_KEYS {
            return Err(KeySetError::TooMany(count));
        }
        // `None`: two keys claim this `kid`, so it names neither.
        let mut keys: HashMap<String, Option<Arc<Key>>> = HashMap::with_capacity(count);
        for key in members.into_iter().filter_map(Key::of) {
            match keys.entry(key.id.clone()) {
                Entry::Vacant(free) => {
                    free.insert(Some(Arc::new(key)));
                }
                Entry::Occupied(mut taken) => {
                    if taken.get().as_deref() != Some(&key) {
                        taken.insert(None);
                    }
                }
            }
        }
        let keys: HashMap<String, Arc<Key>> = keys
            .into_iter()
            .filter_map(|(id, key)| Some((id, key?)))
            .collect();
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey(count));
        }
        Ok(Self { keys })
    }

    pub fn find(&self, id: &str) -> Option<&Arc<Key>> {
        self.keys.get(id)
    }

    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

impl Key {
    /// The key a member of a set describes, where it is one that may verify RS256.
    fn of(member: Value) -> Option<Self> {
        if !member.is_object() {
            return None;
        }
        let jwk: Jwk = serde_json::from_value(member).ok()?;
        let for_signatures = jwk.usage.is_none_or(|usage| usage == "sig")
            && jwk
                .key_ops
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"))
            && jwk.alg.is_none_or(|alg| alg == "RS256");
        // SECURITY: a key that was published with its private half proves nothing.
        if jwk.kty != "RSA" || !for_signatures || jwk.d.is_some() {
            return None;
        }
        if !(1..=LONGEST_KEY_ID).contains(&jwk.kid.len()) {
            return None;
        }
        let modulus = number(&jwk.n)?;
        if !is_sound(&modulus) || number(&jwk.e)? != EXPONENT {
            return None;
        }
        Some(Self {
            id: jwk.kid,
            issuer: jwk.issuer.filter(|issuer| !issuer.is_empty()),
            decoding: DecodingKey::from_rsa_raw_components(&modulus, EXPONENT),
        })
    }

    fn modulus(&self) -> &[u8] {
        match self.decoding.kind() {
            DecodingKeyKind::RsaModulusExponent { n, .. } => n,
            DecodingKeyKind::SecretOrDer(_) => &[],
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.issuer == other.issuer && self.modulus() == other.modulus()
    }
}

impl Eq for Key {}

/// RFC 7517 §5.
#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// RFC 7517 §4 and RFC 7518 §6.3, with Entra's `issuer`. Entra sends no `alg`.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    n: String,
    e: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    issuer: Option<String>,
    d: Option<Value>,
}

/// A Base64urlUInt (RFC 7518 §2); leading zeros, which some issuers send, are dropped.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let first = bytes.iter().position(|&byte| byte != 0)?;
    Some(bytes[first..].to_vec())
}

/// Whether a modulus without leading zeros has 2048 to 4096 bits and is odd, as a product of two
/// large primes is.
fn is_sound(modulus: &[u8]) -> bool {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return false;
    };
    let bits = (modulus.len() * 8).saturating_sub(first.leading_zeros() as usize);
    (2048..=4096).contains(&bits) && last & 1 == 1
}

#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    #[error("not a JWK set: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("{0} keys are more than any issuer publishes; at most 1000 are read")]
    TooMany(usize),
    /// No RSA signing key of 2048 to 4096 bits with a `kid` among them.
    #[error("no usable signing key among {0}")]
    NoUsableKey(usize),
}

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;
