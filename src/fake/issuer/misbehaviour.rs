//! What can tests make the issuer do? Rotate and break its keys, bend its token answers, and tell what it
//! was asked.

use openssl::error::ErrorStack;

use super::entra::{Issuer, Keys};
use super::signing_key::SigningKey;
use super::token_endpoint::TokenRequest;
use crate::fake::faults::Faults;

/// How the issuer's answers deviate, and the settings of its tokens.
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    pub(super) keys: KeyAnswer,
    pub(super) lifetime: u64,
    pub(super) refresh_in: Option<u64>,
    pub(super) expires_in: ExpiresIn,
    pub(super) without_token: bool,
    pub(super) refuse_replays: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyAnswer {
    Good,
    Garbage,
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpiresIn {
    /// A number from v2, a string from v1.
    AsEntra,
    String,
    Missing,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            keys: KeyAnswer::Good,
            lifetime: 3600,
            refresh_in: None,
            expires_in: ExpiresIn::AsEntra,
            without_token: false,
            refuse_replays: false,
        }
    }
}

impl Issuer {
    /// The door to the key sets.
    pub fn key_endpoint(&self) -> &Faults {
        &self.state.key_door
    }

    /// The door to the token endpoints.
    pub fn token_endpoint(&self) -> &Faults {
        &self.state.token_door
    }

    /// How often a key set was asked for.
    pub fn key_fetches(&self) -> u64 {
        self.state.key_door.requests()
    }

    /// How often a token was asked for.
    pub fn token_requests(&self) -> u64 {
        self.state.token_door.requests()
    }

    /// What was asked for last, credentials included.
    pub fn last_token_request(&self) -> Option<TokenRequest> {
        self.state.last_token_request.lock().clone()
    }

    /// A new key signs; the old ones leave the set.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn rotate_keys(&self) -> Result<SigningKey, ErrorStack> {
        let key = SigningKey::generate()?;
        *self.state.keys.write() = Keys::only(key.clone());
        Ok(key)
    }

    /// A new key signs; the old ones stay in the set.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn add_key(&self) -> Result<SigningKey, ErrorStack> {
        let key = SigningKey::generate()?;
        self.state.keys.write().add(key.clone());
        Ok(key)
    }

    /// Key sets are no JSON from now on.
    pub fn answer_garbage_keys(&self) {
        self.state.behaviour.lock().keys = KeyAnswer::Garbage;
    }

    /// Key sets hold no key from now on.
    pub fn answer_empty_keys(&self) {
        self.state.behaviour.lock().keys = KeyAnswer::Empty;
    }

    /// Key sets are whole again.
    pub fn answer_good_keys(&self) {
        self.state.behaviour.lock().keys = KeyAnswer::Good;
    }

    /// Tokens live so many seconds.
    pub fn token_lifetime(&self, seconds: u64) {
        self.state.behaviour.lock().lifetime = seconds;
    }

    /// Token answers carry `refresh_in`.
    pub fn refresh_in(&self, seconds: u64) {
        self.state.behaviour.lock().refresh_in = Some(seconds);
    }

    /// `expires_in` is a string, from v2 as well.
    pub fn expires_in_as_string(&self) {
        self.state.behaviour.lock().expires_in = ExpiresIn::String;
    }

    /// Token answers have no `expires_in`.
    pub fn omit_expires_in(&self) {
        self.state.behaviour.lock().expires_in = ExpiresIn::Missing;
    }

    /// Token answers say 200 and hold no token.
    pub fn answer_without_token(&self) {
        self.state.behaviour.lock().without_token = true;
    }

    /// An assertion is taken once only, and must have a `jti`. Entra takes one as often as it comes, and
    /// MSAL Python counts on that; what sends a fresh one each time can be held to it.
    pub fn refuse_replayed_assertions(&self) {
        self.state.behaviour.lock().refuse_replays = true;
    }
}
