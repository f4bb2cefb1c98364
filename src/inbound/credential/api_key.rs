//! Which key was presented? `X-Api-Key`, or Basic with the key's id as user (RFC 7617 §2); found by
//! hash, proven by comparison in constant time.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use openssl::sha::sha256;
use zeroize::Zeroizing;

use super::Presented;
use crate::inbound::AuthError;
use crate::policy::{ApiKeyCondition, Callers, Credential, Evidence, KeyProof};
use crate::request::{AuthorizationError, Scheme};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The longest key that is hashed, in bytes.
const LONGEST_KEY: usize = 1024;
/// The shortest that the file takes.
const SHORTEST_KEY: usize = 32;
/// The longest Basic credential that is decoded: a key and an id, in base64.
const LONGEST_BASIC: usize = 2 * LONGEST_KEY * 4 / 3;
/// RFC 6750 §3.1: genuine, but not allowed.
const INSUFFICIENT: &str = "insufficient_scope";
const BAD_KEY: AuthError = AuthError::BadKey { user: None };
/// How much of a digest finds a key: enough that few share it, too little to be worth guessing.
const PREFIX: usize = 8;

#[derive(Debug, Default)]
pub(in crate::inbound) struct ApiKeys {
    by_prefix: HashMap<[u8; PREFIX], Vec<ApiKeyCondition>>,
}

impl ApiKeys {
    /// `None`: no entry asks for a key.
    pub(super) fn of(callers: &Callers) -> Option<Self> {
        let mut keys = Self::default();
        for entry in callers.entries() {
            if let Some(Credential::ApiKey(condition)) = &entry.credential {
                let same_prefix = keys.by_prefix.entry(prefix(&condition.sha256)).or_default();
                if !same_prefix.contains(condition) {
                    same_prefix.push(condition.clone());
                }
            }
        }
        (!keys.by_prefix.is_empty()).then_some(keys)
    }

    pub(super) fn prove(
        &self,
        presented: &Presented<'_>,
        evidence: &mut Evidence,
    ) -> Result<(), AuthError> {
        use AuthorizationError::{Malformed, MalformedBasic, MalformedBearer, Repeated};
        let basic = match &presented.authorization {
            Ok(authorization) => {
                authorization.and_then(|authorization| match authorization.scheme {
                    Scheme::Basic(credential) => Some(credential),
                    Scheme::Bearer(_) | Scheme::Missing | Scheme::Other => None,
                })
            }
            // What is of a scheme that this kind does not use counts as absent.
            Err(MalformedBearer) => None,
            Err(Repeated) => return Err(AuthError::RepeatedCredential),
            Err(Malformed | MalformedBasic) => return Err(BAD_KEY),
        };
        if let Some(proof) = self.identify(presented.headers, basic)? {
            evidence.add_key(proof);
        }
        Ok(())
    }

    /// Old stacks wait for Basic to be asked of them. Who is known, and may not come in, would be no
    /// better off with a key: `error` says so.
    pub(super) fn challenge(realm: &str, error: Option<&str>) -> Option<String> {
        (error != Some(INSUFFICIENT)).then(|| format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
    }

    /// The key that was presented, where one was: in `X-Api-Key`, or as `basic`, the base64 of a
    /// Basic credential. Two must be one.
    fn identify(
        &self,
        headers: &HeaderMap,
        basic: Option<&str>,
    ) -> Result<Option<KeyProof>, AuthError> {
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
            (one, other) => Ok(one.or(other)),
        }
    }

    /// The user is the key's id, the password the key. What old stacks put before the user, a domain
    /// and a backslash, is nobody's id.
    fn find_basic(&self, credential: &str) -> Result<KeyProof, AuthError> {
        if credential.len() > LONGEST_BASIC {
            return Err(BAD_KEY);
        }
        // Reserved whole: a buffer that grows leaves copies of the key behind.
        let mut decoded = Zeroizing::new(Vec::with_capacity(LONGEST_BASIC));
        STANDARD
            .decode_vec(credential, &mut decoded)
            .map_err(|_| BAD_KEY)?;
        let colon = decoded.iter().position(|byte| *byte == b':');
        let (user, key) = decoded.split_at(colon.ok_or(BAD_KEY)?);
        let domain = user.iter().position(|byte| *byte == b'\\');
        let user = domain.map_or(user, |end| &user[end + 1..]);
        let found = self.find(key.strip_prefix(b":").unwrap_or(key), Some(user));
        found.map_err(|_| AuthError::BadKey {
            user: self.told(user),
        })
    }

    fn find(&self, key: &[u8], user: Option<&[u8]>) -> Result<KeyProof, AuthError> {
        if key.len() > LONGEST_KEY {
            return Err(BAD_KEY);
        }
        let digest = sha256(key);
        self.alike(&digest)
            .filter(|known| user.is_none_or(|user| user == known.id.as_bytes()))
            // SECURITY: what the map compares is eight bytes of a hash; the proof, which decides,
            // compares all of it in constant time.
            .find_map(|known| KeyProof::of(known, &digest))
            .ok_or(BAD_KEY)
    }

    /// The keys whose hashes begin alike.
    fn alike(&self, digest: &[u8; 32]) -> impl Iterator<Item = &ApiKeyCondition> {
        self.by_prefix.get(&prefix(digest)).into_iter().flatten()
    }

    /// A user as the log may have it. SECURITY: some put the key where the user belongs; what is as
    /// long as a key, or is one, is left out.
    fn told(&self, user: &[u8]) -> Option<Arc<str>> {
        let text = std::str::from_utf8(user).ok()?;
        let may_be_key = user.len() >= SHORTEST_KEY || self.alike(&sha256(user)).next().is_some();
        (!text.is_empty() && !may_be_key).then(|| text.into())
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
