//! Which key was presented? `X-Api-Key`, or Basic with the key's id as user; found by hash,
//! compared in constant time.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use openssl::sha::sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::AuthError;
use crate::policy::{ApiKeyCondition, Callers, Credential};

/// Where a key is presented.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The longest key that is hashed, in bytes.
const LONGEST_KEY: usize = 1024;
/// The longest Basic credential that is decoded: a key and an id, in base64.
const LONGEST_BASIC: usize = 2 * LONGEST_KEY * 4 / 3;
/// How much of a digest finds a key: enough that few share it, too little to be worth guessing.
const PREFIX: usize = 8;

/// The keys that a route's entries name.
#[derive(Debug, Default)]
pub(super) struct ApiKeys {
    by_prefix: HashMap<[u8; PREFIX], Vec<ApiKeyCondition>>,
}

impl ApiKeys {
    /// Gathers the keys of a route.
    pub(super) fn of(callers: &Callers) -> Self {
        let mut keys = Self::default();
        let Callers::Entries(entries) = callers else {
            return keys;
        };
        for entry in entries {
            if let Some(Credential::ApiKey(condition)) = &entry.credential {
                let same_prefix = keys.by_prefix.entry(prefix(&condition.sha256)).or_default();
                if !same_prefix.contains(condition) {
                    same_prefix.push(condition.clone());
                }
            }
        }
        keys
    }

    /// Whether the route reads no keys.
    pub(super) fn is_empty(&self) -> bool {
        self.by_prefix.is_empty()
    }

    /// The id of the key that was presented, where one was: in `X-Api-Key`, or as `basic`, the
    /// base64 of a Basic credential.
    ///
    /// # Errors
    /// When one is on no entry of the route, and when two were presented that are not the same.
    pub(super) fn identify(
        &self,
        headers: &HeaderMap,
        basic: Option<&str>,
    ) -> Result<Option<Arc<str>>, AuthError> {
        let mut fields = headers.get_all(X_API_KEY).iter();
        let field = fields.next();
        if fields.next().is_some() {
            return Err(AuthError::RepeatedCredential);
        }
        let from_field = field
            .map(|key| self.find(key.as_bytes(), None))
            .transpose()?;
        let from_basic = basic
            .map(|credential| self.find_basic(credential))
            .transpose()?;
        match (from_field, from_basic) {
            (Some(one), Some(other)) if one != other => Err(AuthError::RepeatedCredential),
            (one, other) => Ok(one.or(other).cloned()),
        }
    }

    /// The key of a Basic credential (RFC 7617 §2): the user is the key's id, the password the key.
    fn find_basic(&self, credential: &str) -> Result<&Arc<str>, AuthError> {
        if credential.len() > LONGEST_BASIC {
            return Err(AuthError::BadKey);
        }
        // Reserved whole: a buffer that grows leaves copies of the key behind.
        let mut decoded = Zeroizing::new(Vec::with_capacity(LONGEST_BASIC));
        STANDARD
            .decode_vec(credential, &mut decoded)
            .map_err(|_| AuthError::BadKey)?;
        let colon = decoded.iter().position(|byte| *byte == b':');
        let (user, key) = decoded.split_at(colon.ok_or(AuthError::BadKey)?);
        self.find(key.strip_prefix(b":").unwrap_or(key), Some(user))
    }

    fn find(&self, key: &[u8], user: Option<&[u8]>) -> Result<&Arc<str>, AuthError> {
        if key.len() > LONGEST_KEY {
            return Err(AuthError::BadKey);
        }
        let digest = sha256(key);
        self.by_prefix
            .get(&prefix(&digest))
            .into_iter()
            .flatten()
            .filter(|known| user.is_none_or(|user| user == known.id.as_bytes()))
            // SECURITY: what the map compares is eight bytes of a hash; the rest, which decides, is
            // compared in constant time.
            .find(|known| known.sha256.ct_eq(&digest).into())
            .map(|known| &known.id)
            .ok_or(AuthError::BadKey)
    }
}

fn prefix(digest: &[u8; 32]) -> [u8; PREFIX] {
    let mut prefix = [0; PREFIX];
    prefix.copy_from_slice(&digest[..PREFIX]);
    prefix
}

#[cfg(test)]
#[path = "api_key_tests.rs"]
mod tests;
