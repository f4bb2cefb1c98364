//! Who the gateway is when it asks for a token.

use std::sync::Arc;
use std::time::Duration;

use super::{ClientDefinition, CredentialDefinition};
use crate::clock::UnixTime;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityDefinition {
    pub name: Arc<str>,
    pub client: ClientDefinition,
    pub tokens: TokenTimes,
}

impl IdentityDefinition {
    /// When its certificate ends, where it proves itself by one; of several the first that does.
    pub fn certificate_ends_at(&self) -> Option<UnixTime> {
        let credentials = self.client.credentials().iter();
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
