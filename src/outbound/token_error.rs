//! Why does no token of ours come? The token endpoint's reasons and our own, each with its word.

use std::time::Duration;

use crate::entra::{ManagedIdentityError, TokenEndpointError};
use crate::reason::Reason;
use crate::refresh::{Failure, Mishap};

/// Renewals come each hour or so: not each is to begin with a refusal.
const REFUSED_REST: Duration = Duration::from_secs(4 * 60 * 60);
const UNPROVEN_REST: Duration = Duration::from_secs(5 * 60);

/// `Display` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRequestError {
    /// What the token endpoint said, or that it said nothing.
    #[error(transparent)]
    Endpoint(#[from] TokenEndpointError),
    #[error("managed identity: {0}")]
    ManagedIdentity(#[from] ManagedIdentityError),
    #[error("the assertion could not be signed: {0}")]
    Signing(String),
    /// What proves us could not be had: a file, a command, a signer elsewhere.
    #[error("{0}")]
    Unproven(String),
    /// Ruled out at load.
    #[error("the identity has no credential")]
    NoCredential,
    /// Ruled out at load.
    #[error("the identity can get no token on behalf of a user")]
    NotForUsers,
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
            Self::Endpoint(why) => why.blames_credential(),
            // It stands in the place of a secret: nothing was asked of Entra yet.
            Self::ManagedIdentity(_) | Self::Signing(_) | Self::Unproven(_) => true,
            Self::NoCredential | Self::NotForUsers | Self::BrokenOff => false,
        }
    }

    /// How long the credential that is blamed rests before it is tried first again. What Entra refuses is
    /// put right by people; what could not be had may be there soon.
    pub(super) fn rest(&self) -> Duration {
        match self {
            Self::Unproven(_) | Self::ManagedIdentity(_) => UNPROVEN_REST,
            _ => REFUSED_REST,
        }
    }

    /// The same, with what an assertion says of itself where Entra found nothing to fit it.
    pub(super) fn about(self, says: &dyn std::fmt::Display) -> Self {
        match self {
            Self::Endpoint(why) => Self::Endpoint(why.about(says)),
            other => other,
        }
    }

    pub fn reason(&self) -> Reason {
        match self {
            Self::Endpoint(TokenEndpointError::Refused { .. }) => Reason::TokenRefused,
            Self::Endpoint(TokenEndpointError::Throttled { .. }) => Reason::TokenThrottled,
            Self::ManagedIdentity(ManagedIdentityError::Refused(_)) => Reason::TokenRefused,
            Self::Endpoint(_) | Self::ManagedIdentity(_) => Reason::TokenUnavailable,
            Self::Unproven(_) => Reason::CredentialUnavailable,
            Self::Signing(_) | Self::NoCredential | Self::NotForUsers | Self::BrokenOff => {
                Reason::InternalError
            }
        }
    }
}

impl Failure for TokenRequestError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Endpoint(TokenEndpointError::Throttled { retry_after, .. }) => Some(*retry_after),
            Self::ManagedIdentity(ManagedIdentityError::Unavailable { again_in, .. }) => *again_in,
            _ => None,
        }
    }
}

impl From<Mishap> for TokenRequestError {
    fn from(mishap: Mishap) -> Self {
        match mishap {
            Mishap::BrokenOff => Self::BrokenOff,
            Mishap::Expired => {
                let why = "the token that came has ended already";
                TokenEndpointError::Unavailable(why.to_owned()).into()
            }
        }
    }
}
