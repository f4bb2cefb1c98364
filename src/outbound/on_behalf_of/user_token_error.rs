//! Why is no token exchanged? For what Entra wants of this user, or for a cause that every user would meet.

use std::time::Duration;

use super::UserDemand;
use super::user_demand::OF_THE_REGISTRATION;
use crate::entra::{TokenEndpointError, advice_for_user};
use crate::outbound::TokenRequestError;
use crate::reason::Reason;
use crate::refresh::{Failure, KeyedFailure, Mishap};

/// `Display` is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserTokenError {
    /// Of this user's token alone.
    #[error("{said}")]
    Demanded {
        demand: UserDemand,
        /// `AADSTS…`, by its number.
        code: Option<u64>,
        said: String,
    },
    /// Whoever the user is.
    #[error(transparent)]
    Failed(TokenRequestError),
    /// Whoever the user is that comes from another tenant than the identity's own.
    #[error("the user's tenant: {0}")]
    Elsewhere(TokenRequestError),
    /// Whoever the user is that comes with such a token: it is not for this application, or not of a user.
    #[error(transparent)]
    Unfit(TokenRequestError),
    /// Of this token alone, which was good when it came.
    #[error("the caller's token ended while it was exchanged")]
    TooLate,
    #[error("as many exchanges are under way as may be")]
    Crowded,
}

impl UserTokenError {
    pub fn reason(&self) -> Reason {
        match self {
            Self::Demanded { demand, .. } => demand.reason(),
            Self::Failed(why) | Self::Elsewhere(why) | Self::Unfit(why) => why.reason(),
            Self::TooLate => Reason::TokenExpired,
            Self::Crowded => Reason::TokenUnavailable,
        }
    }

    /// Why another tenant than the identity's own gives no token.
    pub(super) fn elsewhere(why: TokenRequestError) -> Self {
        match Self::from(why) {
            Self::Failed(why) => Self::Elsewhere(why),
            demanded => demanded,
        }
    }

    /// The same for people who look at a page together: of what Entra says to one user, nothing but its
    /// code and what that means.
    pub fn told(&self) -> String {
        let code = match self {
            Self::Failed(_) | Self::TooLate | Self::Crowded => return self.to_string(),
            Self::Demanded { code, .. } => *code,
            Self::Elsewhere(TokenRequestError::Endpoint(TokenEndpointError::Refused {
                code,
                ..
            }))
            | Self::Unfit(TokenRequestError::Endpoint(TokenEndpointError::Refused {
                code, ..
            })) => *code,
            Self::Elsewhere(_) | Self::Unfit(_) => None,
        };
        let Some(code) = code else {
            return self.reason().sentence().to_owned();
        };
        let advice = advice_for_user(code);
        let advice = advice.map_or_else(String::new, |advice| format!(": {advice}"));
        format!("AADSTS{code}{advice}")
    }

    /// JSON of what the caller's token must claim, where Entra says so.
    pub fn claims(&self) -> Option<&str> {
        match self {
            Self::Demanded {
                demand: UserDemand::Interaction { claims },
                ..
            } => claims.as_deref(),
            _ => None,
        }
    }
}

impl From<TokenRequestError> for UserTokenError {
    fn from(why: TokenRequestError) -> Self {
        let demand = match &why {
            TokenRequestError::Endpoint(TokenEndpointError::Refused {
                code: Some(code), ..
            }) if OF_THE_REGISTRATION.contains(code) => return Self::Unfit(why),
            TokenRequestError::Endpoint(refused @ TokenEndpointError::Refused { code, .. }) => {
                UserDemand::of(refused).map(|demand| (demand, *code))
            }
            _ => None,
        };
        match demand {
            Some((demand, code)) => Self::Demanded {
                demand,
                code,
                said: why.to_string(),
            },
            None => Self::Failed(why),
        }
    }
}

impl From<Mishap> for UserTokenError {
    fn from(mishap: Mishap) -> Self {
        match mishap {
            // Entra's own are looked at for that when they come: what is shorter is the caller's.
            Mishap::Expired => Self::TooLate,
            Mishap::BrokenOff => Self::Failed(mishap.into()),
        }
    }
}

impl Failure for UserTokenError {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Demanded { demand, .. } => demand.retry_after(),
            Self::Failed(why) | Self::Elsewhere(why) | Self::Unfit(why) => why.retry_after(),
            Self::TooLate | Self::Crowded => None,
        }
    }
}

impl KeyedFailure for UserTokenError {
    fn is_of_the_key(&self) -> bool {
        // SECURITY: who brings one that every exchange refuses must not stop those of others.
        matches!(
            self,
            Self::Demanded { .. } | Self::Elsewhere(_) | Self::Unfit(_) | Self::TooLate
        )
    }

    fn crowded() -> Self {
        Self::Crowded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(error: &str, code: Option<u64>) -> TokenRequestError {
        let why = TokenEndpointError::Refused {
            error: error.to_owned(),
            code,
            suberror: None,
            claims: None,
            advice: "it says: the user ann@contoso.example is not known".to_owned(),
            correlation_id: None,
        };
        why.into()
    }

    #[test]
    fn what_is_told_on_a_page_names_no_user() {
        for (why, told) in [
            (
                UserTokenError::from(refused("invalid_grant", Some(50_057))),
                "AADSTS50057: the user's account is disabled",
            ),
            (
                UserTokenError::from(refused("invalid_grant", Some(1))),
                "AADSTS1",
            ),
            (
                UserTokenError::from(refused("invalid_grant", None)),
                Reason::ExchangeRefused.sentence(),
            ),
            (
                UserTokenError::elsewhere(refused("invalid_client", Some(2))),
                "AADSTS2",
            ),
            (
                UserTokenError::elsewhere(TokenRequestError::NoCredential),
                Reason::InternalError.sentence(),
            ),
            (
                UserTokenError::from(refused("invalid_grant", Some(500_131))),
                "AADSTS500131: the caller's token is for another application; exchange it by the identity \
                 whose `client_id` is the API that it is for",
            ),
        ] {
            assert_eq!(why.told(), told);
            assert!(why.is_of_the_key());
            assert!(why.to_string().contains("ann@") || why.to_string().contains("credential"));
        }
        let everybodys = UserTokenError::from(refused("invalid_client", Some(7_000_215)));
        assert!(!everybodys.is_of_the_key());
    }
}
