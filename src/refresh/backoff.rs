//! How long is nobody to be asked again, and how much earlier or later than others? Plain values:
//! the time and the chance are arguments.

use std::time::Duration;

use crate::clock::UnixTime;

/// A request's time is when it began, so it may lie so far behind that of a fetch.
const LATEST_CALLER: Duration = Duration::from_secs(60);

/// Longer spans mean never, and must not overflow.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a fetch ended, as far as a policy cares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) begun: UnixTime,
    pub(super) now: UnixTime,
    pub(super) failed: bool,
    /// How long the other side asked to be left alone.
    pub(super) asked: Duration,
    /// How long what is kept is still good.
    pub(super) left: Duration,
}

impl Ended {
    /// Of a fetch that failed, where nothing is kept.
    pub(super) fn failed_at(now: UnixTime) -> Self {
        Self {
            begun: now,
            now,
            failed: true,
            asked: Duration::ZERO,
            left: Duration::ZERO,
        }
    }
}

/// The pause after a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    begun: UnixTime,
    pub(super) length: Duration,
    pub(super) until: UnixTime,
    pub(super) failed: bool,
}

impl Backoff {
    pub(super) fn after(ended: &Ended, length: Duration) -> Self {
        Self {
            begun: ended.begun,
            length,
            until: ended.now.plus(length),
            failed: ended.failed,
        }
    }

    /// What is left of it; nothing once the next fetch may begin.
    pub(super) fn left(&self, now: UnixTime) -> Option<Duration> {
        // A clock that was set back must not make hours of seconds.
        if self.length.is_zero() || now.plus(LATEST_CALLER) < self.begun {
            return None;
        }
        let longest = self.begun.until(self.until);
        let left = now.until(self.until).min(longest);
        (!left.is_zero()).then_some(left)
    }
}

/// A share of `most`, by chance, so that a fleet started together does not fetch together for ever.
pub fn jitter(most: Duration, chance: u32) -> Duration {
    most.min(LONGEST)
        .mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

/// Random, for jitter.
pub fn chance() -> u32 {
    let (first, ..) = uuid::Uuid::new_v4().as_fields();
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_is_told_to_the_second_and_survives_a_clock_set_back() {
        let at = UnixTime::from_seconds;
        let ended = Ended {
            begun: at(1000),
            now: at(1010),
            failed: true,
            asked: Duration::ZERO,
            left: Duration::ZERO,
        };
        let backoff = Backoff::after(&ended, Duration::from_secs(30));
        let cases = [
            // Nobody is told to wait longer than it lasts, not even who began before it; and nobody
            // who came while the fetch was under way is told less than the time that is left.
            (990, Some(40)),
            (1000, Some(40)),
            (1005, Some(35)),
            (1010, Some(30)),
            (1011, Some(29)),
            (1039, Some(1)),
            (1040, None),
            (u64::MAX, None),
            (939, None),
            (0, None),
        ];
        for (now, left) in cases {
            assert_eq!(
                backoff.left(at(now)),
                left.map(Duration::from_secs),
                "{now}"
            );
        }
        let none = Backoff::after(&ended, Duration::ZERO);
        assert_eq!(none.left(at(1000)), None);
        let ever = Backoff::after(&ended, Duration::MAX);
        assert!(ever.left(at(1 << 40)).is_some());
    }

    #[test]
    fn jitter_is_a_share() {
        let most = Duration::from_secs(30);
        assert_eq!(jitter(most, 0), Duration::ZERO);
        assert_eq!(jitter(most, u32::MAX), most);
        assert_eq!(jitter(Duration::MAX, u32::MAX), LONGEST);
    }
}
