//! What has been proven of a request? Every part is fed by its proof: a token by the claims that only
//! the verifier makes, a key by its comparison. `inbound` gathers it and refuses what proves bad.

use std::sync::Arc;

use http::HeaderValue;
use subtle::ConstantTimeEq;

use super::{ApiKeyCondition, TokenPrincipal};
use crate::request::Client;

#[derive(Clone, Debug)]
pub struct Evidence {
    token: Option<PresentedToken>,
    key: Option<KeyProof>,
    client: Client,
}

/// A verified token, and the field it came in.
#[derive(Clone, Debug)]
struct PresentedToken {
    principal: Arc<TokenPrincipal>,
    field: HeaderValue,
}

/// That a key was presented whose hash is a condition's. Only the comparison makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    id: Arc<str>,
}

impl Evidence {
    /// Nothing is proven yet but where the request came from.
    pub fn of(client: Client) -> Self {
        Self {
            token: None,
            key: None,
            client,
        }
    }

    /// `field` is the `Authorization` that the token came in.
    pub fn add_token(&mut self, principal: Arc<TokenPrincipal>, field: HeaderValue) {
        self.token = Some(PresentedToken { principal, field });
    }

    pub fn add_key(&mut self, proof: KeyProof) {
        self.key = Some(proof);
    }

    pub fn token(&self) -> Option<&Arc<TokenPrincipal>> {
        self.token.as_ref().map(|token| &token.principal)
    }

    pub fn key(&self) -> Option<&Arc<str>> {
        self.key.as_ref().map(KeyProof::id)
    }

    pub fn client(&self) -> Client {
        self.client
    }

    pub(super) fn into_field(self) -> Option<HeaderValue> {
        self.token.map(|token| token.field)
    }
}

impl KeyProof {
    /// The proof that the presented key, given by its SHA-256, is this condition's.
    pub fn of(known: &ApiKeyCondition, presented: &[u8; 32]) -> Option<Self> {
        // SECURITY: in constant time; how much of a hash fits is not to be learned.
        let same: bool = known.sha256.ct_eq(presented).into();
        same.then(|| Self {
            id: Arc::clone(&known.id),
        })
    }

    pub fn id(&self) -> &Arc<str> {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_proven_by_all_of_its_hash() {
        let known = ApiKeyCondition {
            id: "k".into(),
            sha256: [7; 32],
        };
        for (place, proven) in [(None, true), (Some(0), false), (Some(31), false)] {
            let mut digest = [7; 32];
            if let Some(place) = place {
                digest[place] ^= 1;
            }
            assert_eq!(KeyProof::of(&known, &digest).is_some(), proven, "{place:?}");
        }
    }
}
