//! When is a token served, renewed, or not asked for again? The decisions of the token cache as
//! plain values: the time is an argument, nothing waits and nothing is fetched.

use std::time::Duration;

use super::{AccessToken, AcquireError, TokenTimes};
use crate::clock::UnixTime;

/// A token that ends sooner is not sent: it might end on its way.
const LEAST_LEFT: Duration = Duration::from_secs(5);

/// The least between two attempts, whatever the file says.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// The longest between two attempts where nobody asked for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The least between two replacements of tokens that an upstream refused; Entra takes a client that
/// asks more often for one that is caught in a loop.
const LEAST_BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(60);

/// Whether a token that was refused may be replaced, after the last time that was done.
pub(super) fn may_replace(last: Option<UnixTime>, times: TokenTimes, now: UnixTime) -> bool {
    let pause = times.cool_down.max(LEAST_BETWEEN_REPLACEMENTS);
    last.is_none_or(|last| now >= last.plus(pause))
}

/// How a token stands at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// To be sent.
    Fresh,
    /// To be sent, and to be renewed meanwhile.
    Ageing,
    /// Not to be sent any more.
    Spent,
}

impl Freshness {
    /// How this token stands now.
    pub(super) fn of(token: &AccessToken, now: UnixTime) -> Self {
        if now.plus(LEAST_LEFT) > token.expires_at {
            Self::Spent
        } else if now >= token.renew_at {
            Self::Ageing
        } else {
            Self::Fresh
        }
    }
}

/// The pause after an attempt.
#[derive(Clone, Debug)]
pub(super) struct Pause {
    until: UnixTime,
    failure: Option<AcquireError>,
}

impl Pause {
    /// After an attempt that ended at `now`; longer where the endpoint asked for it, or where the
    /// token in hand has long `left`: a day's token is no reason to knock every five seconds.
    pub(super) fn after(
        failure: Option<AcquireError>,
        times: TokenTimes,
        left: Duration,
        now: UnixTime,
    ) -> Self {
        let asked = match &failure {
            Some(AcquireError::Entra(crate::entra::EntraError::Throttled { retry_after })) => {
                *retry_after
            }
            _ => Duration::ZERO,
        };
        let patience = match &failure {
            Some(_) => (left / 20).min(LONGEST_PAUSE),
            None => Duration::ZERO,
        };
        let pause = times.cool_down.max(asked).max(patience).max(LEAST_PAUSE);
        Self {
            until: now.plus(pause),
            failure,
        }
    }

    /// What a caller without a token is told; nothing when the next attempt may be made.
    pub(super) fn refusal(&self, now: UnixTime) -> Option<AcquireError> {
        let failure = self.failure.as_ref().filter(|_| now < self.until)?;
        Some(AcquireError::CoolingDown {
            retry_after: now.until(self.until),
            last: Box::new(failure.clone()),
        })
    }
}

/// What renewing by itself comes to at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// Now.
    Now,
    /// To be looked at again then.
    At(UnixTime),
    /// Never: the next request that needs a token will ask for one.
    Rest,
}

impl Renewal {
    /// Whether to renew this token, `used` by any request yet, after this pause.
    pub(super) fn of(
        token: Option<&AccessToken>,
        used: bool,
        pause: Option<&Pause>,
        now: UnixTime,
    ) -> Self {
        let Some(token) = token else {
            return Self::Rest;
        };
        let ready = pause.map_or(token.renew_at, |pause| token.renew_at.max(pause.until));
        match Freshness::of(token, ready.max(now)) {
            Freshness::Spent => Self::Rest,
            _ if now < ready => Self::At(ready),
            // Nobody asked for it in its whole life so far: nobody needs the next one.
            _ if !used => Self::Rest,
            _ => Self::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::entra::EntraError;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    /// Acquired at 1000, to be renewed at 4300, ends at 4600.
    fn token() -> AccessToken {
        AccessToken {
            header: HeaderValue::from_static("Bearer x"),
            expires_at: at(4600),
            renew_at: at(4300),
        }
    }

    fn failed(error: EntraError, cool_down: u64, now: u64) -> Pause {
        let times = TokenTimes {
            cool_down: Duration::from_secs(cool_down),
            ..TokenTimes::default()
        };
        Pause::after(
            Some(AcquireError::Entra(error)),
            times,
            Duration::ZERO,
            at(now),
        )
    }

    fn down() -> EntraError {
        EntraError::Unavailable("down".to_owned())
    }

    fn throttled(seconds: u64) -> EntraError {
        EntraError::Throttled {
            retry_after: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_token_is_fresh_then_ageing_then_spent() {
        let cases = [
            (0, Freshness::Fresh),
            (4299, Freshness::Fresh),
            (4300, Freshness::Ageing),
            (4595, Freshness::Ageing),
            (4596, Freshness::Spent),
            (4600, Freshness::Spent),
            (u64::MAX, Freshness::Spent),
        ];
        for (now, expected) in cases {
            assert_eq!(Freshness::of(&token(), at(now)), expected, "at {now}");
        }
    }

    #[test]
    fn a_failure_is_followed_by_a_pause_as_long_as_either_side_wants() {
        // error, cool_down, pause
        let cases = [
            (down(), 5, 5),
            (down(), 0, 1),
            (throttled(60), 5, 60),
            (throttled(2), 5, 5),
            (throttled(0), 0, 1),
        ];
        for (error, cool_down, expected) in cases {
            let pause = failed(error, cool_down, 1000);
            let last = at(1000 + expected - 1);
            let refused = pause.refusal(last).unwrap();
            assert_eq!(refused.retry_after(), Duration::from_secs(1));
            assert!(matches!(refused, AcquireError::CoolingDown { .. }));
            assert!(pause.refusal(at(1000 + expected)).is_none());
        }
    }

    #[test]
    fn while_a_token_is_in_hand_attempts_come_as_often_as_its_end_is_near() {
        // left, cool_down, pause
        for (left, cool_down, expected) in [
            (0, 5, 5),
            (60, 5, 5),
            (300, 5, 15),
            (3600, 5, 180),
            (86_400, 5, 300),
            (300, 30, 30),
        ] {
            let times = TokenTimes {
                cool_down: Duration::from_secs(cool_down),
                ..TokenTimes::default()
            };
            let failure = Some(AcquireError::Entra(down()));
            let pause = Pause::after(failure, times, Duration::from_secs(left), at(1000));
            assert_eq!(pause.until, at(1000 + expected), "{left}");
        }
        let success = Pause::after(
            None,
            TokenTimes::default(),
            Duration::from_secs(3600),
            at(1000),
        );
        assert_eq!(success.until, at(1005));
    }

    #[test]
    fn a_refused_token_is_replaced_at_most_once_a_minute() {
        let times = TokenTimes::default();
        assert!(may_replace(None, times, at(0)));
        assert!(!may_replace(Some(at(1000)), times, at(1059)));
        assert!(may_replace(Some(at(1000)), times, at(1060)));
        let patient = TokenTimes {
            cool_down: Duration::from_secs(90),
            ..times
        };
        assert!(!may_replace(Some(at(1000)), patient, at(1089)));
    }

    #[test]
    fn success_pauses_renewal_but_refuses_nobody() {
        let pause = Pause::after(None, TokenTimes::default(), Duration::ZERO, at(1000));
        assert!(pause.refusal(at(1000)).is_none());
    }

    #[test]
    fn renewal_comes_when_due_wanted_and_after_the_pause() {
        let none = None;
        let early = Some(failed(down(), 5, 4298));
        let late = Some(failed(throttled(600), 5, 4300));
        // pause, used, now, expected
        let cases = [
            (&none, true, 1000, Renewal::At(at(4300))),
            (&none, false, 1000, Renewal::At(at(4300))),
            (&none, true, 4299, Renewal::At(at(4300))),
            (&none, true, 4300, Renewal::Now),
            (&none, false, 4300, Renewal::Rest),
            (&none, true, 4595, Renewal::Now),
            (&none, true, 4596, Renewal::Rest),
            (&early, true, 4299, Renewal::At(at(4303))),
            (&early, true, 4302, Renewal::At(at(4303))),
            (&early, true, 4303, Renewal::Now),
            // The endpoint wants quiet for longer than the token lives.
            (&late, true, 4301, Renewal::Rest),
        ];
        for (pause, used, now, expected) in cases {
            let got = Renewal::of(Some(&token()), used, pause.as_ref(), at(now));
            assert_eq!(got, expected, "at {now}, used {used}, {pause:?}");
        }
        assert_eq!(Renewal::of(None, true, None, at(1000)), Renewal::Rest);
    }
}
