//! What does Entra want of the user before it gives a token? What it says when it refuses the exchange of
//! one user's token, and would not refuse that of another's.

use std::sync::Arc;
use std::time::Duration;

use crate::entra::TokenEndpointError;
use crate::reason::Reason;

/// The user, or the client the user works with, asks too often.
const LOOP: u64 = 50_196;
/// How long that is answered without asking.
const LOOP_WAIT: Duration = Duration::from_secs(60);

/// What the application is registered for, not what the user may: the token is for another one; an
/// application's token came.
pub(super) const OF_THE_REGISTRATION: [u64; 2] = [500_131, 7_000_114];
const CONSENT: [u64; 3] = [65_001, 65_004, 650_056];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserDemand {
    /// The user must prove more than the token says: by what Entra calls claims, JSON that the user's client
    /// is to ask for, where it names any.
    Interaction { claims: Option<Arc<str>> },
    /// The user, or an administrator, must consent to what the application wants to do.
    Consent,
    /// A Conditional Access policy forbids it to this user, device or place.
    Policy,
    /// Another token: this one, or the session behind it, is no longer good.
    Token,
    /// Patience.
    Wait,
}

impl UserDemand {
    /// `None`: another user's token would fare no better.
    pub(super) fn of(why: &TokenEndpointError) -> Option<Self> {
        let TokenEndpointError::Refused {
            error,
            code,
            suberror,
            claims,
            ..
        } = why
        else {
            return None;
        };
        // RFC 6749 §5.2, and what Entra adds to it; the others are about the client and its request.
        let of_the_user = [
            "invalid_grant",
            "interaction_required",
            "login_required",
            "consent_required",
            "access_denied",
        ];
        let code = code.unwrap_or_default();
        if !of_the_user.contains(&error.as_str()) || OF_THE_REGISTRATION.contains(&code) {
            return None;
        }
        let suberror = suberror.as_deref().unwrap_or_default();
        let interaction = ["interaction_required", "login_required"].contains(&error.as_str())
            || ["basic_action", "additional_action"].contains(&suberror);
        Some(if claims.is_some() {
            Self::Interaction {
                claims: claims.clone(),
            }
        } else if code == LOOP {
            Self::Wait
        } else if CONSENT.contains(&code)
            || error == "consent_required"
            || suberror == "consent_required"
        {
            Self::Consent
        } else if is_policy(code) || error == "access_denied" {
            Self::Policy
        } else if interaction {
            Self::Interaction { claims: None }
        } else {
            Self::Token
        })
    }

    pub fn reason(&self) -> Reason {
        match self {
            Self::Interaction { .. } => Reason::InteractionRequired,
            Self::Consent => Reason::ConsentRequired,
            Self::Policy => Reason::ConditionalAccess,
            Self::Token => Reason::ExchangeRefused,
            Self::Wait => Reason::TokenThrottled,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Wait).then_some(LOOP_WAIT)
    }
}

/// 53000 to 53011, and those that refine one of them: 530032 …
fn is_policy(code: u64) -> bool {
    (53_000..=53_011).contains(&code) || (530_000..=530_119).contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(
        error: &str,
        code: u64,
        suberror: Option<&str>,
        claims: Option<&str>,
    ) -> TokenEndpointError {
        TokenEndpointError::Refused {
            error: error.to_owned(),
            code: Some(code),
            suberror: suberror.map(Box::from),
            claims: claims.map(Arc::from),
            advice: "advice".to_owned(),
            correlation_id: None,
        }
    }

    #[test]
    fn what_is_the_users_is_told_from_what_is_the_applications() {
        use Reason::{
            ConditionalAccess, ConsentRequired, ExchangeRefused, InteractionRequired,
            TokenThrottled,
        };
        let claims = Some(r#"{"access_token":{}}"#);
        #[rustfmt::skip]
        let cases = [
            ("invalid_grant", 50_076, None, claims, Some(InteractionRequired)),
            ("interaction_required", 50_076, Some("basic_action"), None, Some(InteractionRequired)),
            ("invalid_grant", 50_079, Some("additional_action"), None, Some(InteractionRequired)),
            ("interaction_required", 53_000, None, claims, Some(InteractionRequired)),
            ("invalid_grant", 65_001, Some("consent_required"), None, Some(ConsentRequired)),
            ("consent_required", 0, None, None, Some(ConsentRequired)),
            ("invalid_grant", 7, Some("consent_required"), None, Some(ConsentRequired)),
            ("invalid_grant", 53_003, Some("message_only"), None, Some(ConditionalAccess)),
            ("access_denied", 530_032, None, None, Some(ConditionalAccess)),
            ("invalid_grant", 50_013, None, None, Some(ExchangeRefused)),
            ("invalid_grant", 500_133, Some("bad_token"), None, Some(ExchangeRefused)),
            ("invalid_grant", 50_173, None, None, Some(ExchangeRefused)),
            ("invalid_grant", 50_196, None, None, Some(TokenThrottled)),
            ("invalid_grant", 500_131, None, None, None),
            ("invalid_grant", 7_000_114, None, None, None),
            ("invalid_client", 7_000_215, None, None, None),
            ("invalid_client", 7_000_215, None, claims, None),
            ("unauthorized_client", 700_016, None, None, None),
            ("invalid_scope", 70_011, None, None, None),
            ("invalid_resource", 500_011, None, None, None),
            ("invalid_request", 900_144, None, None, None),
        ];
        for (error, code, suberror, claims, reason) in cases {
            let told = UserDemand::of(&refused(error, code, suberror, claims));
            let told = told.as_ref().map(UserDemand::reason);
            assert_eq!(told, reason, "{error} {code} {suberror:?} {claims:?}");
        }
        assert_eq!(
            UserDemand::of(&TokenEndpointError::Unavailable(String::new())),
            None
        );
    }
}
