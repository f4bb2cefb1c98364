//! Which kind of client is an identity, and what do all kinds have?

use std::sync::Arc;

use super::{EntraClient, ManagedIdentityClient, OAuth2Client};
use crate::clock::UnixTime;
use crate::entra::TokenResponse;
use crate::http_client::HttpClient;
use crate::outbound::remembered::Marks;
use crate::outbound::{Credentials, TokenRequestError, Wanted};

/// A client as the file defines it, the material of its credentials read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientDefinition {
    /// An app registration of Microsoft Entra ID.
    Entra(EntraClient),
    /// An identity of the platform that this process runs on.
    ManagedIdentity(ManagedIdentityClient),
    /// A client of any other authorization server.
    OAuth2(OAuth2Client),
}

/// A token, and what it was given for.
#[derive(Clone, Debug)]
pub(in crate::outbound) struct Acquired {
    pub(in crate::outbound) response: TokenResponse,
    pub(in crate::outbound) by: UsedCredential,
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
    pub(in crate::outbound) async fn acquire(
        &self,
        identity: &str,
        wanted: &Wanted,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<Acquired, TokenRequestError> {
        match self {
            Self::Entra(client) => client.acquire(identity, wanted, http, now).await,
            Self::ManagedIdentity(client) => client.acquire(wanted, http, now).await,
            Self::OAuth2(client) => client.acquire(identity, wanted, http, now).await,
        }
    }

    /// The URL that it asks, for the log.
    pub fn asks_at(&self) -> String {
        match self {
            Self::Entra(client) => client.token_endpoint(),
            Self::ManagedIdentity(client) => client.0.platform.endpoint().to_string(),
            Self::OAuth2(client) => client.token_url.written().to_owned(),
        }
    }

    /// What tells its tokens from those of all others; `None`: they are kept nowhere but in memory, for
    /// they are this host's alone.
    pub(in crate::outbound) fn marks(&self) -> Option<Marks> {
        match self {
            Self::Entra(client) => Some(Marks {
                client: format!("{} {:?}", client.client_id, client.capabilities),
                credentials: client.credentials.iter().map(|it| it.mark()).collect(),
            }),
            Self::ManagedIdentity(_) => None,
            Self::OAuth2(client) => Some(Marks {
                client: format!(
                    "{} {} {:?}",
                    client.token_url.written(),
                    client.client_id,
                    client.terms
                ),
                credentials: client.credentials.iter().map(|it| it.mark()).collect(),
            }),
        }
    }

    /// How it proves itself, where it must.
    pub fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Entra(client) => Some(&client.credentials),
            Self::ManagedIdentity(_) => None,
            Self::OAuth2(client) => Some(&client.credentials),
        }
    }
}
