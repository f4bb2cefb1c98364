//! When is a set fetched again, and what is a caller told who misses something? A pure state
//! machine: the time and the chance are arguments, `on_miss` acts on what it says.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::asked::Asked;
use super::backoff::{Backoff, Ended, jitter};
use super::policy::{Kept, Life, Policy};
use crate::clock::UnixTime;

#[derive(Debug)]
pub(super) struct Refetch {
    times: RefetchTimes,
    /// Whether the fetch in flight is for a caller who missed something.
    is_for_miss: bool,
    /// After the last such fetch that succeeded.
    refetched: Option<Backoff>,
    pub(super) asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefetchTimes {
    /// Between background refreshes.
    pub refresh: Duration,
    /// Between refetches for what is missed, and after a failure.
    pub cool_down: Duration,
    /// How long the last good set is trusted through an outage.
    pub max_stale: Duration,
}

impl Default for RefetchTimes {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(3600),
            cool_down: Duration::from_secs(30),
            max_stale: Duration::from_secs(24 * 3600),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is not in the set, and whoever has it was asked since it was first looked for.
    Unknown,
    /// It is not in the set, which was fetched before anybody looked for it.
    NotAsked {
        /// Until the next fetch may begin.
        retry_after: Duration,
    },
    /// There is no good set, or nobody could be asked for this one.
    Unavailable {
        /// Until the next fetch may begin.
        retry_after: Duration,
    },
}

impl Refetch {
    pub(super) fn new(times: RefetchTimes) -> Self {
        Self {
            times,
            is_for_miss: false,
            refetched: None,
            asked: Asked::default(),
        }
    }

    /// How long no miss has the set fetched again; a second at least.
    pub(super) fn cooling(&self, now: UnixTime) -> Duration {
        let left = self.refetched.and_then(|last| last.left(now));
        left.unwrap_or_default().max(Duration::from_secs(1))
    }

    /// Whether missing this may have the set fetched again; there is no fetch in flight. `has_left`:
    /// the set before had it.
    pub(super) fn miss(
        &mut self,
        what: &impl Hash,
        has_left: bool,
        backoff: Option<&Backoff>,
        now: UnixTime,
    ) -> Result<(), Missing> {
        let failure = backoff.filter(|backoff| backoff.failed);
        let failing = failure.and_then(|failure| failure.left(now));
        // A refresh by the clock starts no cool-down: sets may change right after one, and the
        // first caller who brings what is new must not have to wait.
        let cooling = self.refetched.and_then(|last| last.left(now));
        match (cooling, failing) {
            (Some(_), _) if has_left || self.asked.about(what) => Err(Missing::Unknown),
            // SECURITY: what others miss, on purpose or not, starts the cool-down for all; whoever
            // brings what is new must not be called a liar for it, only wait.
            (Some(left), failing) => Err(Missing::NotAsked {
                retry_after: left.max(failing.unwrap_or_default()),
            }),
            // SECURITY: the set may have changed during an outage; calling that unknown would send
            // callers away for good, when the truth is that nobody could look.
            (None, Some(retry_after)) => Err(Missing::Unavailable { retry_after }),
            (None, None) => {
                self.is_for_miss = true;
                Ok(())
            }
        }
    }
}

impl<T: PartialEq + Send + Sync + 'static> Policy<T> for Refetch {
    /// The set before this one: what left with it is not there, and nobody need be asked again.
    type Marks = Option<Arc<T>>;

    fn marks(replaced: Option<&Arc<T>>) -> Self::Marks {
        replaced.map(Arc::clone)
    }

    fn life(&self, _: &T, now: UnixTime, chance: u32) -> Life {
        let refresh = self.times.refresh;
        Life {
            stale_at: now.plus(refresh.saturating_sub(jitter(refresh / 10, chance))),
            expires_at: now.plus(self.times.max_stale),
        }
    }

    fn is_same(old: &T, new: &T) -> bool {
        old == new
    }

    fn ended(&mut self, ended: &Ended) -> Duration {
        let was_for_miss = std::mem::take(&mut self.is_for_miss);
        self.asked.ended(!ended.failed);
        if ended.failed {
            return self.times.cool_down;
        }
        if was_for_miss {
            self.refetched = Some(Backoff::after(ended, self.times.cool_down));
        }
        Duration::ZERO
    }

    fn due(
        &self,
        kept: Option<&Kept<T, Self::Marks>>,
        backoff: Option<&Backoff>,
        now: UnixTime,
    ) -> Option<UnixTime> {
        match backoff.filter(|backoff| backoff.failed) {
            Some(failure) => Some(failure.until),
            None => Some(kept.map_or(now, |kept| kept.life.stale_at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Set = Vec<u8>;

    /// The policy alone, its fetches ended by hand.
    struct Machine {
        policy: Refetch,
        backoff: Option<Backoff>,
        kept: Option<Kept<Set, Option<Arc<Set>>>>,
    }

    const TIMES: RefetchTimes = RefetchTimes {
        refresh: Duration::from_secs(3600),
        cool_down: Duration::from_secs(30),
        max_stale: Duration::from_secs(24 * 3600),
    };

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    impl Machine {
        fn new(times: RefetchTimes) -> Self {
            Self {
                policy: Refetch::new(times),
                backoff: None,
                kept: None,
            }
        }

        /// One whose first fetch succeeded then.
        fn started(now: u64) -> Self {
            let mut machine = Self::new(TIMES);
            machine.end(true, 0, now);
            machine
        }

        fn end(&mut self, succeeded: bool, chance: u32, now: u64) {
            let ended = Ended {
                begun: at(now),
                now: at(now),
                failed: !succeeded,
                asked: Duration::ZERO,
                left: Duration::ZERO,
            };
            let length = Policy::<Set>::ended(&mut self.policy, &ended);
            self.backoff = Some(Backoff::after(&ended, length));
            if succeeded {
                self.kept = Some(Kept {
                    item: Arc::new(Vec::new()),
                    fetched_at: at(now),
                    life: self.policy.life(&Set::new(), at(now), chance),
                    generation: 0,
                    marks: Arc::new(None),
                });
            }
        }

        fn miss(&mut self, now: u64) -> Result<(), Missing> {
            self.miss_one("one", now)
        }

        fn miss_one(&mut self, what: &str, now: u64) -> Result<(), Missing> {
            self.policy.asked.missed(&what, false);
            self.policy
                .miss(&what, false, self.backoff.as_ref(), at(now))
        }

        fn due(&self, now: u64) -> Option<UnixTime> {
            let backoff = self.backoff.as_ref();
            self.policy.due(self.kept.as_ref(), backoff, at(now))
        }
    }

    fn unavailable(seconds: u64) -> Result<(), Missing> {
        Err(Missing::Unavailable {
            retry_after: Duration::from_secs(seconds),
        })
    }

    #[test]
    fn the_first_fetch_is_due_at_once() {
        assert_eq!(Machine::new(TIMES).due(0), Some(at(0)));
    }

    #[test]
    fn one_refetch_per_cool_down_and_a_refresh_starts_none() {
        let mut machine = Machine::started(1000);
        assert_eq!(machine.miss(1000), Ok(()), "the start just fetched");
        machine.end(true, 0, 1002);
        assert_eq!(machine.miss(1002), Err(Missing::Unknown));
        assert_eq!(machine.miss(1031), Err(Missing::Unknown));
        assert_eq!(machine.miss(1032), Ok(()));
    }

    #[test]
    fn nobody_is_called_unknown_for_what_another_missed() {
        let mut machine = Machine::started(1000);
        assert_eq!(machine.miss_one("junk", 1000), Ok(()));
        machine.end(true, 0, 1001);
        let not_asked = |seconds| {
            Err(Missing::NotAsked {
                retry_after: Duration::from_secs(seconds),
            })
        };
        for second in 1001..1031 {
            let junk = format!("junk-{second}");
            assert_eq!(machine.miss_one(&junk, second), not_asked(1031 - second));
            assert_eq!(machine.miss_one("new", second), not_asked(1031 - second));
            assert_eq!(machine.miss_one("junk", second), Err(Missing::Unknown));
        }
        // Whoever comes then: the fetch is for all who were told to wait.
        assert_eq!(machine.miss_one("junk", 1031), Ok(()));
        machine.end(true, 0, 1032);
        for what in ["new", "junk", "junk-1001", "junk-1030"] {
            let outcome = machine.miss_one(what, 1033);
            assert_eq!(outcome, Err(Missing::Unknown), "{what}");
        }
        machine.end(false, 0, 1040);
        assert_eq!(machine.miss_one("later", 1050), not_asked(20), "both waits");
        assert_eq!(machine.miss_one("later", 1062), unavailable(8));
    }

    #[test]
    fn an_outage_is_never_unknown_and_says_how_long() {
        let mut machine = Machine::started(1000);
        assert_eq!(machine.miss(1060), Ok(()));
        machine.end(false, 0, 1061);
        assert_eq!(machine.miss(1061), unavailable(30));
        assert_eq!(machine.miss(1090), unavailable(1));
        assert_eq!(machine.miss(1091), Ok(()));
        machine.end(true, 0, 1092);
        assert_eq!(machine.miss(1093), Err(Missing::Unknown));
    }

    #[test]
    fn a_failure_right_after_a_refetch_does_not_undo_its_answer() {
        let mut machine = Machine::started(1000);
        assert_eq!(machine.miss(4590), Ok(()));
        machine.end(true, 0, 4590);
        machine.end(false, 0, 4600);
        assert_eq!(machine.miss(4601), Err(Missing::Unknown));
        assert_eq!(machine.miss(4621), unavailable(9));
    }

    #[test]
    fn refreshes_come_up_to_a_tenth_early_and_retries_after_the_cool_down() {
        for (chance, then) in [(0, 4600), (u32::MAX, 4240)] {
            let mut machine = Machine::new(TIMES);
            machine.end(true, chance, 1000);
            assert_eq!(machine.due(1000), Some(at(then)));
            machine.end(false, chance, 1100);
            assert_eq!(machine.due(1100), Some(at(1130)));
        }
    }

    #[test]
    fn absurd_times_do_not_overflow() {
        for wait in [Duration::ZERO, Duration::MAX] {
            let mut machine = Machine::new(RefetchTimes {
                refresh: wait,
                cool_down: wait,
                max_stale: wait,
            });
            for succeeded in [true, false] {
                machine.end(succeeded, u32::MAX, 1000);
                let due = machine.due(1000);
                assert_eq!(due == Some(at(1000)), wait.is_zero(), "{due:?}");
            }
        }
    }
}
