//! What an identity is to the server that gives it tokens: one file a kind, each with where it asks and how.

mod entra;
mod managed_identity;

use std::sync::Arc;

pub use entra::EntraClient;
pub use managed_identity::ManagedIdentityClient;

use super::remembered::Marks;
use super::{Credentials, TokenRequestError, Wanted};
use crate::clock::UnixTime;
use crate::entra::TokenResponse;
use crate::http_client::HttpClient;

/// A client as the file defines it, the material of its credentials read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientDefinition {
    /// An app registration of Microsoft Entra ID.
    Entra(EntraClient),
    /// An identity of the platform that this process runs on.
    ManagedIdentity(ManagedIdentityClient),
}

/// A token, and what it was given for.
#[derive(Clone, Debug)]
pub(super) struct Acquired {
    pub(super) response: TokenResponse,
    pub(super) by: UsedCredential,
}

/// The credential that a token was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedCredential {
    /// Of the identity's, from 0.
    pub place: usize,
    pub kind: &'static str,
    /// Why the one before it was refused, where one was.
    pub passed_over: Option<Arc<str>>,
}

impl ClientDefinition {
    /// Asks for a token now, in bounded time. `identity` is its name, for the log.
    pub(super) async fn acquire(
        &self,
        identity: &str,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        match self {
            Self::Entra(client) => client.acquire(identity, wanted, http, now).await,
            Self::ManagedIdentity(client) => client.acquire(wanted, http, now).await,
        }
    }

    /// The URL that it asks, for the log.
    pub fn asks_at(&self) -> String {
        match self {
            Self::Entra(client) => client.token_endpoint(),
            Self::ManagedIdentity(client) => client.0.platform.endpoint().to_string(),
        }
    }

    /// What tells its tokens from those of all others; `None`: they are kept nowhere but in memory, for
    /// they are this host's alone.
    pub(super) fn marks(&self) -> Option<Marks> {
        match self {
            Self::Entra(client) => Some(Marks {
                client: format!("{} {:?}", client.client_id, client.capabilities),
                credentials: client.credentials.iter().map(|it| it.mark()).collect(),
            }),
            Self::ManagedIdentity(_) => None,
        }
    }

    /// How it proves itself, where it must.
    pub fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Entra(client) => Some(&client.credentials),
            Self::ManagedIdentity(_) => None,
        }
    }
}
