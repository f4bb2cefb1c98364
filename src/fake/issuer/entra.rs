//! The issuer: the state that its endpoints share, and what tests change of it. Any GUID is a tenant.

use std::collections::HashMap;
use std::sync::Arc;

use openssl::error::ErrorStack;
use parking_lot::{Mutex, RwLock};

use super::misbehaviour::{Behaviour, TokenRequest};
use super::registration::{Generation, Registry};
use super::signing_key::SigningKey;
use crate::fake::faults::Faults;
use crate::fake::token::TokenBuilder;
use crate::guid::Guid;

/// An issuer in the shape of Entra. Cloning shares it.
#[derive(Clone)]
pub struct Issuer {
    pub(super) state: Arc<State>,
}

pub(super) struct State {
    pub(super) key: RwLock<SigningKey>,
    /// Published still, but signing no more.
    pub(super) earlier_keys: RwLock<Vec<SigningKey>>,
    pub(super) registry: RwLock<Registry>,
    pub(super) behaviour: Mutex<Behaviour>,
    pub(super) key_door: Faults,
    pub(super) token_door: Faults,
    pub(super) seen_assertions: Mutex<HashMap<String, u64>>,
    pub(super) last_token_request: Mutex<Option<TokenRequest>>,
}

impl Issuer {
    pub fn new(registry: Registry) -> Result<Self, ErrorStack> {
        Ok(Self::with_key(registry, SigningKey::generate()?))
    }

    pub fn with_key(registry: Registry, key: SigningKey) -> Self {
        Self {
            state: Arc::new(State {
                key: RwLock::new(key),
                earlier_keys: RwLock::default(),
                registry: RwLock::new(registry),
                behaviour: Mutex::default(),
                key_door: Faults::default(),
                token_door: Faults::default(),
                seen_assertions: Mutex::default(),
                last_token_request: Mutex::default(),
            }),
        }
    }

    pub fn register(&self, change: impl FnOnce(Registry) -> Registry) {
        let mut registry = self.state.registry.write();
        *registry = change(std::mem::take(&mut *registry));
    }

    /// Starts a token of that tenant: a v2 app-only token, valid from now for an hour, until told otherwise.
    pub fn token(&self, tenant: &str) -> TokenBuilder {
        TokenBuilder::new(self.signing_key(), tenant)
    }

    pub fn signing_key(&self) -> SigningKey {
        self.state.key.read().clone()
    }

    pub(super) fn published_keys(&self) -> Vec<SigningKey> {
        let mut keys = self.state.earlier_keys.read().clone();
        keys.push(self.signing_key());
        keys
    }

    pub fn key_endpoint(&self) -> &Faults {
        &self.state.key_door
    }

    pub fn token_endpoint(&self) -> &Faults {
        &self.state.token_door
    }

    pub fn key_fetches(&self) -> u64 {
        self.state.key_door.requests()
    }

    pub fn token_requests(&self) -> u64 {
        self.state.token_door.requests()
    }

    /// What was asked for last, credentials included.
    pub fn last_token_request(&self) -> Option<TokenRequest> {
        self.state.last_token_request.lock().clone()
    }

    /// A new key signs; the old ones leave the set.
    pub fn rotate_keys(&self) -> Result<SigningKey, ErrorStack> {
        let key = SigningKey::generate()?;
        *self.state.key.write() = key.clone();
        self.state.earlier_keys.write().clear();
        Ok(key)
    }

    /// A new key signs; the old ones stay in the set.
    pub fn add_key(&self) -> Result<SigningKey, ErrorStack> {
        let key = SigningKey::generate()?;
        let earlier = std::mem::replace(&mut *self.state.key.write(), key.clone());
        self.state.earlier_keys.write().push(earlier);
        Ok(key)
    }

    /// Changes what the endpoints answer, from the next request on.
    pub fn misbehave(&self, how: impl FnOnce(&mut Behaviour)) {
        how(&mut self.state.behaviour.lock());
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// One tenant, by its GUID in lower case.
    One(String),
    Many(&'static str),
}

impl Tenant {
    /// Personal accounts belong to this tenant.
    const CONSUMERS: &'static str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    pub(super) fn named(segment: &str) -> Option<Self> {
        match segment {
            "common" => Some(Self::Many("common")),
            "organizations" => Some(Self::Many("organizations")),
            "consumers" => Some(Self::One(Self::CONSUMERS.to_owned())),
            _ => {
                let id: Guid = segment.parse().ok()?;
                Some(Self::One(id.to_string()))
            }
        }
    }

    pub(super) fn segment(&self) -> &str {
        match self {
            Self::One(id) => id,
            Self::Many(word) => word,
        }
    }

    /// As it stands in an issuer: for many tenants a template, literally.
    pub(super) fn in_issuer(&self) -> &str {
        match self {
            Self::One(id) => id,
            Self::Many(_) => "{tenantid}",
        }
    }
}

/// The cloud's own issuer string, whatever the URL by which this issuer is reached.
pub(in crate::fake) fn issuer_string(generation: Generation, tenant: &str) -> String {
    match generation {
        Generation::V1 => format!("https://sts.windows.net/{tenant}/"),
        Generation::V2 => format!("https://login.microsoftonline.com/{tenant}/v2.0"),
    }
}
