//! Who the gateway is when it asks for a token.

use std::sync::Arc;
use std::time::Duration;

use super::CredentialDefinition;
use crate::clock::UnixTime;
use crate::entra::{Authority, Endpoint};
use crate::guid::Guid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityDefinition {
    pub name: Arc<str>,
    pub authority: Authority,
    pub client_id: Guid,
    /// v2 unless asked otherwise.
    pub endpoint: Endpoint,
    /// How it proves itself: tried in order, the next one where Entra refuses one.
    pub credentials: Vec<CredentialDefinition>,
    pub tokens: TokenTimes,
}

impl IdentityDefinition {
    /// When its certificate ends, where it proves itself by one; of several the first that does.
    pub fn certificate_ends_at(&self) -> Option<UnixTime> {
        let credentials = self.credentials.iter();
        credentials
            .filter_map(CredentialDefinition::not_after)
            .min()
    }
}

/// `tokens:` of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTimes {
    /// How long before expiry a token is renewed, where Entra says nothing.
    pub renew_before: Duration,
    /// Between attempts after a failure.
    pub cool_down: Duration,
}

impl Default for TokenTimes {
    fn default() -> Self {
        Self {
            renew_before: Duration::from_secs(300),
            cool_down: Duration::from_secs(5),
        }
    }
}
