//! When are keys fetched, and what is a caller told whose key is not there? A pure state machine:
//! the time and the chance are arguments, `key_store` acts on what it says.

use std::time::Duration;

use tokio::time::Instant;

use super::KeyTimes;

/// Waits shorter than this would make a loop of the background task.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Waits longer than this mean never, and must not overflow an `Instant`.
const LONGEST_WAIT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is known of the fetches so far.
#[derive(Debug)]
pub(super) struct Schedule {
    times: KeyTimes,
    flight: Option<Cause>,
    due: Instant,
    refetched_at: Option<Instant>,
    failed_at: Option<Instant>,
}

/// What made a fetch begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The start, a refresh, or a retry after a failure.
    Timer,
    /// A caller whose key was not there.
    Miss,
}

/// What a caller does whose key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Begin a fetch, and wait for it.
    Fetch,
    /// Wait for the fetch under way.
    Wait,
    /// Give up: the issuer was just asked and does not publish it.
    Unknown,
    /// Give up: the issuer cannot be asked, so nothing is known of the key.
    Unavailable,
}

impl Schedule {
    /// Nothing fetched yet; the first fetch is due at once.
    pub(super) fn new(times: KeyTimes, now: Instant) -> Self {
        Self {
            times,
            flight: None,
            due: now,
            refetched_at: None,
            failed_at: None,
        }
    }

    /// What to do about a key that is not there. Says `Fetch` to one caller per flight, and at most
    /// once per cool-down, however many callers and keys.
    pub(super) fn miss(&mut self, now: Instant) -> Step {
        if self.flight.is_some() {
            return Step::Wait;
        }
        // A refresh by the clock starts no cool-down: keys may roll right after one, and the first
        // caller who brings the new key must not have to wait.
        if self.cools_since(self.refetched_at, now) {
            return Step::Unknown;
        }
        // SECURITY: keys may have rolled during an outage; calling that 401 would send callers
        // away for good, when the truth is that nobody could look.
        if self.cools_since(self.failed_at, now) {
            return Step::Unavailable;
        }
        self.flight = Some(Cause::Miss);
        Step::Fetch
    }

    /// What to tell a caller whose key is still not there after the fetches it waited for.
    pub(super) fn verdict(&self) -> Step {
        match self.failed_at {
            Some(_) => Step::Unavailable,
            None => Step::Unknown,
        }
    }

    /// When the next fetch by the clock is due; `None` while one is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        self.flight.is_none().then_some(self.due)
    }

    /// Whether a fetch by the clock begins now; the caller begins it.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let begins = self.flight.is_none() && now >= self.due;
        if begins {
            self.flight = Some(Cause::Timer);
        }
        begins
    }

    /// Takes note of how the fetch under way ended. `chance` is random, out of 256.
    pub(super) fn land(&mut self, succeeded: bool, chance: u8, now: Instant) {
        let cause = self.flight.take();
        let share = f64::from(chance) / 256.0;
        let wait = if succeeded {
            self.failed_at = None;
            if cause == Some(Cause::Miss) {
                self.refetched_at = Some(now);
            }
            // A little early, so that a fleet started together does not fetch together for ever.
            bounded(self.times.refresh).mul_f64(1.0 - share / 10.0)
        } else {
            self.failed_at = Some(now);
            bounded(self.times.cool_down).mul_f64(1.0 + share / 4.0)
        };
        self.due = now + wait;
    }

    fn cools_since(&self, event: Option<Instant>, now: Instant) -> bool {
        event.is_some_and(|event| now.saturating_duration_since(event) < self.times.cool_down)
    }
}

fn bounded(wait: Duration) -> Duration {
    wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: KeyTimes = KeyTimes {
        refresh: Duration::from_secs(3600),
        cool_down: Duration::from_secs(30),
        max_stale: Duration::from_secs(24 * 3600),
    };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A schedule whose first fetch succeeded at the returned time.
    fn started() -> (Schedule, Instant) {
        let start = Instant::now();
        let mut schedule = Schedule::new(TIMES, start);
        assert!(schedule.tick(start));
        schedule.land(true, 0, start);
        (schedule, start)
    }

    #[test]
    fn first_fetch_is_due_at_once_and_begins_once() {
        let start = Instant::now();
        let mut schedule = Schedule::new(TIMES, start);
        assert_eq!(schedule.due(), Some(start));
        assert!(schedule.tick(start));
        assert!(!schedule.tick(start + seconds(9999)), "one is under way");
        assert_eq!(schedule.due(), None);
        assert_eq!(schedule.miss(start), Step::Wait);
    }

    #[test]
    fn one_refetch_per_cool_down() {
        let (mut schedule, start) = started();
        assert_eq!(schedule.miss(start + seconds(1)), Step::Fetch);
        assert_eq!(schedule.miss(start + seconds(1)), Step::Wait);
        schedule.land(true, 0, start + seconds(2));
        assert_eq!(schedule.miss(start + seconds(2)), Step::Unknown);
        assert_eq!(schedule.miss(start + seconds(31)), Step::Unknown);
        assert_eq!(schedule.miss(start + seconds(32)), Step::Fetch);
    }

    #[test]
    fn refresh_starts_no_cool_down() {
        let (mut schedule, start) = started();
        assert_eq!(schedule.miss(start), Step::Fetch, "the start just fetched");
    }

    #[test]
    fn outage_is_never_unknown() {
        let (mut schedule, start) = started();
        assert_eq!(schedule.miss(start + seconds(60)), Step::Fetch);
        schedule.land(false, 0, start + seconds(61));
        assert_eq!(schedule.verdict(), Step::Unavailable);
        assert_eq!(schedule.miss(start + seconds(61)), Step::Unavailable);
        assert_eq!(schedule.miss(start + seconds(90)), Step::Unavailable);
        assert_eq!(schedule.miss(start + seconds(91)), Step::Fetch);
        schedule.land(true, 0, start + seconds(92));
        assert_eq!(schedule.verdict(), Step::Unknown);
        assert_eq!(schedule.miss(start + seconds(93)), Step::Unknown);
    }

    #[test]
    fn failure_right_after_a_refetch_does_not_undo_its_answer() {
        let (mut schedule, start) = started();
        assert_eq!(schedule.miss(start), Step::Fetch);
        schedule.land(true, 0, start);
        assert!(schedule.tick(start + seconds(3600)));
        schedule.refetched_at = Some(start + seconds(3590));
        schedule.land(false, 0, start + seconds(3600));
        assert_eq!(schedule.miss(start + seconds(3601)), Step::Unknown);
        assert_eq!(schedule.miss(start + seconds(3621)), Step::Unavailable);
    }

    #[test]
    fn failures_are_retried_after_the_cool_down_and_jitter() {
        for (chance, earliest, latest) in [(0, 30_000, 30_000), (255, 37_000, 37_500)] {
            let start = Instant::now();
            let mut schedule = Schedule::new(TIMES, start);
            assert!(schedule.tick(start));
            schedule.land(false, chance, start);
            let wait = schedule.due().unwrap() - start;
            assert!(wait >= Duration::from_millis(earliest), "{wait:?}");
            assert!(wait <= Duration::from_millis(latest), "{wait:?}");
            assert!(!schedule.tick(start + seconds(29)));
            assert!(schedule.tick(start + seconds(38)));
        }
    }

    #[test]
    fn refreshes_come_up_to_a_tenth_early() {
        for (chance, earliest, latest) in [(0, 3600, 3600), (255, 3240, 3242)] {
            let start = Instant::now();
            let mut schedule = Schedule::new(TIMES, start);
            assert!(schedule.tick(start));
            schedule.land(true, chance, start);
            let wait = schedule.due().unwrap() - start;
            assert!(
                wait >= seconds(earliest) && wait <= seconds(latest),
                "{wait:?}"
            );
        }
    }

    #[test]
    fn absurd_times_neither_spin_nor_overflow() {
        let start = Instant::now();
        for wait in [Duration::ZERO, Duration::MAX] {
            let times = KeyTimes {
                refresh: wait,
                cool_down: wait,
                max_stale: wait,
            };
            for succeeded in [true, false] {
                let mut schedule = Schedule::new(times, start);
                assert!(schedule.tick(start));
                schedule.land(succeeded, 255, start);
                let wait = schedule.due().unwrap() - start;
                assert!(wait >= SHORTEST_WAIT.mul_f64(0.9), "{wait:?}");
                assert!(wait <= LONGEST_WAIT.mul_f64(1.25), "{wait:?}");
            }
        }
    }
}
