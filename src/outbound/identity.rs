//! Who the gateway is when it asks for a token.

use std::sync::Arc;
use std::time::Duration;

use super::{ClientDefinition, CredentialDefinition, CredentialStatus, Credentials};
use crate::clock::UnixTime;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityDefinition {
    pub name: Arc<str>,
    pub client: ClientDefinition,
    pub tokens: TokenTimes,
}

impl IdentityDefinition {
    /// How its credentials are, in order.
    pub fn credentials(&self) -> Vec<CredentialStatus> {
        let credentials = self.client.credentials();
        credentials.map(Credentials::status).unwrap_or_default()
    }

    /// When its certificate ends, where it proves itself by one; of several the first that does.
    pub fn certificate_ends_at(&self) -> Option<UnixTime> {
        let credentials = self.client.credentials()?.iter();
        let certificates = credentials.filter(|it| it.kind() == "certificate");
        certificates.filter_map(CredentialDefinition::ends_at).min()
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
