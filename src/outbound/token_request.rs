//! One request for an app-only token, all but its proof: what a credential is handed to prove an
//! identity by. And why no token came of it.

use crate::clock::UnixTime;
use crate::entra::{EntraError, Grant, TokenEndpoint, TokenResponse};
use crate::http_client::HttpClient;
use crate::reason::Reason;

pub(super) struct TokenRequest<'a> {
    pub(super) http: &'a HttpClient,
    pub(super) endpoint: &'a TokenEndpoint,
    pub(super) client_id: &'a str,
    pub(super) scope: &'a str,
    pub(super) now: UnixTime,
}

impl TokenRequest<'_> {
    pub(super) async fn send(&self, proof: Grant<'_>) -> Result<TokenResponse, TokenRequestError> {
        let &Self {
            http,
            client_id,
            scope,
            now,
            ..
        } = self;
        let answer = self
            .endpoint
            .client_credentials(http, client_id, proof, scope, now);
        Ok(answer.await?)
    }
}

/// Why no token came. `Display` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// Entra's answer, or its silence.
    #[error(transparent)]
    Entra(#[from] EntraError),
    #[error("the assertion could not be signed: {0}")]
    Signing(String),
    /// Ruled out at load.
    #[error("the identity has no credential")]
    NoCredential,
    /// A panic of ours, or the process is stopping.
    #[error("the attempt was broken off")]
    BrokenOff,
}

impl TokenRequestError {
    /// Whether it is this credential's fault, so that another of the same identity may do better.
    /// An outage, throttling, or a refusal of the application or the scope would meet the next one
    /// as well.
    pub(super) fn blames_credential(&self) -> bool {
        match self {
            Self::Entra(why) => why.blames_credential(),
            Self::Signing(_) => true,
            Self::NoCredential | Self::BrokenOff => false,
        }
    }

    /// The word for it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Entra(EntraError::Refused { .. }) => Reason::TokenRefused,
            Self::Entra(EntraError::Throttled { .. }) => Reason::TokenThrottled,
            Self::Entra(_) => Reason::TokenUnavailable,
            Self::Signing(_) | Self::NoCredential | Self::BrokenOff => Reason::InternalError,
        }
    }
}
