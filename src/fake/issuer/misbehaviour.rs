//! What can tests make the issuer do? Rotate and break its keys, bend its token answers, and tell what it
//! was asked.

use openssl::error::ErrorStack;

use super::entra::Issuer;
use super::signing_key::SigningKey;
use super::token_endpoint::TokenRequest;
use crate::fake::faults::Faults;

#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    pub keys: KeyAnswer,
    /// In seconds; else an hour.
    pub lifetime: Option<u64>,
    pub refresh_in: Option<u64>,
    pub expires_in: ExpiresIn,
    pub without_token: bool,
    /// An assertion is taken once only, and must have a `jti`. Entra takes one as often as it comes, and
    /// MSAL Python counts on that; what sends a fresh one each time can be held to it.
    pub refuse_replays: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAnswer {
    #[default]
    Good,
    Garbage,
    Empty,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExpiresIn {
    /// A number from v2, a string from v1.
    #[default]
    AsEntra,
    String,
    Missing,
}

impl Issuer {
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
