use super::*;
use crate::entra::TokenEndpointError;
use crate::outbound::samples;
use crate::refresh::{Failure as _, Mishap};

fn unavailable(cause: impl Into<TokenRequestError>, is_backoff: bool) -> AcquireError {
    AcquireError::Unavailable(Box::new(Unavailable {
        cause: cause.into(),
        retry_after: Duration::from_secs(3),
        is_backoff,
    }))
}

fn refused() -> TokenEndpointError {
    TokenEndpointError::Refused {
        suberror: None,
        claims: None,
        error: "invalid_client".to_owned(),
        code: None,
        advice: "x".to_owned(),
        correlation_id: None,
    }
}

#[test]
fn each_cause_has_its_word_and_the_time_of_the_next_attempt() {
    let throttled = TokenEndpointError::Throttled {
        retry_after: Duration::from_secs(42),
        said: None,
    };
    let down = TokenEndpointError::Unavailable("x".to_owned());
    let malformed = TokenEndpointError::Malformed("x".to_owned());
    let cases = [
        (unavailable(throttled, false), Reason::TokenThrottled),
        (unavailable(refused(), false), Reason::TokenRefused),
        (unavailable(refused(), true), Reason::TokenRefused),
        (unavailable(down, false), Reason::TokenUnavailable),
        (unavailable(malformed, false), Reason::TokenUnavailable),
        (
            unavailable(TokenRequestError::Signing("x".to_owned()), false),
            Reason::InternalError,
        ),
        (unavailable(Mishap::BrokenOff, false), Reason::InternalError),
        (
            unavailable(Mishap::Expired, false),
            Reason::TokenUnavailable,
        ),
    ];
    for (error, reason) in cases {
        assert_eq!(error.reason(), reason, "{error}");
        assert_eq!(error.retry_after(), Duration::from_secs(3), "{error}");
    }
    let nothing = AcquireError::NothingToForward;
    assert_eq!(nothing.reason(), Reason::InternalError);
    assert_eq!(
        unavailable(refused(), true).to_string(),
        "waiting before the next attempt; the last one failed: invalid_client: x"
    );
}

#[test]
fn a_wait_that_is_asked_for_is_heard() {
    let wait = Duration::from_secs(42);
    let throttled = TokenRequestError::from(TokenEndpointError::Throttled {
        retry_after: wait,
        said: None,
    });
    assert_eq!(throttled.retry_after(), Some(wait));
    assert_eq!(TokenRequestError::from(refused()).retry_after(), None);
}

#[test]
fn nothing_is_shown_but_names() {
    let tokens = AppTokens::new(samples::source("http://127.0.0.1:9"));
    assert_eq!(
        format!("{tokens:?}"),
        r#"AppTokens { identity: "mail", scope: "x/.default", .. }"#
    );
}
