//! May an endpoint take requests? It rests after several in a row that failed, each time for longer;
//! then one request tries it. What a check finds unwell takes none. Time is an argument.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::CheckDefinition;
use crate::telemetry::CONDITIONS;

/// What the file says of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthDefinition {
    /// So many requests that fail in a row, and it rests.
    pub failures: u32,
    /// For so long at first, and twice as long each time that whoever tries it fails.
    pub rest: Duration,
    pub check: Option<CheckDefinition>,
}

/// The longest rest, unless the first is longer.
const LONGEST: Duration = Duration::from_secs(300);

/// How an endpoint is, in the order of [`CONDITIONS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Well,
    /// Requests failed; it is tried again later.
    Resting,
    /// Its check says so.
    Unwell,
}

impl Condition {
    pub const ALL: &'static [Self] = &[Self::Well, Self::Resting, Self::Unwell];

    pub const fn word(self) -> &'static str {
        CONDITIONS[self as usize]
    }
}

/// Races between requests cost a try more or less, and nothing else: no order is asked for.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// In a row, of requests.
    failures: AtomicU32,
    /// How often it has been sent to rest since it last served.
    rests: AtomicU32,
    /// When it may be tried, in milliseconds of a clock that began before; 0: it does not rest.
    until: AtomicU64,
    is_unwell: AtomicBool,
    /// A request tries it, and has not said yet how it went.
    is_tried: AtomicBool,
}

impl Health {
    pub(super) fn condition(&self) -> Condition {
        if self.is_unwell.load(Relaxed) {
            Condition::Unwell
        } else if self.until.load(Relaxed) != 0 {
            Condition::Resting
        } else {
            Condition::Well
        }
    }

    /// Whether a request may come now. Of those that ask when a rest is over, one may, and the
    /// next rest begins with it: ended early by its success.
    pub(super) fn takes(&self, definition: &HealthDefinition, now: impl Fn() -> u64) -> bool {
        if self.is_unwell.load(Relaxed) {
            return false;
        }
        let until = self.until.load(Relaxed);
        if until == 0 {
            return true;
        }
        let now = now();
        if now < until {
            return false;
        }
        let rests = self.rests.load(Relaxed);
        let next = now + rest(definition, rests);
        let swapped = self.until.compare_exchange(until, next, Relaxed, Relaxed);
        if swapped.is_ok() {
            self.rests.store(rests.saturating_add(1), Relaxed);
            self.is_tried.store(true, Relaxed);
        }
        swapped.is_ok()
    }

    /// A request ended there, and nobody knows how it would have gone: a caller who leaves must not
    /// make a rest longer. Where it was the one that tried, another one may.
    pub(super) fn undecided(&self, now: u64) {
        if self.is_tried.swap(false, Relaxed) && self.until.load(Relaxed) != 0 {
            let rests = self.rests.load(Relaxed);
            self.rests.store(rests.saturating_sub(1).max(1), Relaxed);
            self.until.store(now.max(1), Relaxed);
        }
    }

    /// A request failed there. Says for how long it rests where that begins.
    pub(super) fn failed(&self, definition: &HealthDefinition, now: u64) -> Option<Duration> {
        self.is_tried.store(false, Relaxed);
        let failures = self.failures.load(Relaxed).saturating_add(1);
        self.failures.store(failures, Relaxed);
        if failures < definition.failures {
            return None;
        }
        let rest = rest(definition, 0);
        let begun = self
            .until
            .compare_exchange(0, now + rest, Relaxed, Relaxed)
            .is_ok();
        if !begun {
            return None;
        }
        self.rests.store(1, Relaxed);
        Some(Duration::from_millis(rest))
    }

    /// A request was answered. Says whether that ends a rest.
    pub(super) fn succeeded(&self) -> bool {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
            self.is_tried.store(false, Relaxed);
        }
        self.until.load(Relaxed) != 0 && self.until.swap(0, Relaxed) != 0
    }

    /// What a check says. Says whether that is news.
    pub(super) fn checked(&self, is_well: bool) -> bool {
        let was_unwell = self.is_unwell.swap(!is_well, Relaxed);
        if is_well && was_unwell {
            self.succeeded();
        }
        was_unwell == is_well
    }
}

/// In milliseconds, the one after so many.
fn rest(definition: &HealthDefinition, rests: u32) -> u64 {
    let longest = LONGEST.max(definition.rest);
    let doubled = definition.rest.saturating_mul(1 << rests.min(16));
    // 0 is no rest.
    u64::try_from(doubled.min(longest).as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

impl Default for HealthDefinition {
    fn default() -> Self {
        Self {
            failures: 5,
            rest: Duration::from_secs(10),
            check: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: HealthDefinition = HealthDefinition {
        failures: 3,
        rest: Duration::from_secs(10),
        check: None,
    };

    fn takes(health: &Health, now: u64) -> bool {
        health.takes(&DEFINITION, || now)
    }

    fn failed(health: &Health, now: u64) -> Option<u64> {
        let rest = health.failed(&DEFINITION, now);
        rest.map(|rest| rest.as_secs())
    }

    #[test]
    fn so_many_failures_in_a_row_send_it_to_rest_and_one_success_between_does_not() {
        let health = Health::default();
        for now in 1..=2 {
            assert_eq!(failed(&health, now), None);
        }
        assert!(!health.succeeded(), "it did not rest");
        for now in 3..=4 {
            assert_eq!(failed(&health, now), None);
        }
        assert!(takes(&health, 4));
        assert_eq!(failed(&health, 5), Some(10));
        assert_eq!(failed(&health, 6), None, "it rests already");
        assert_eq!(health.condition(), Condition::Resting);
        assert!(!takes(&health, 10_004));
    }

    #[test]
    fn one_request_tries_it_after_each_rest_and_each_rest_is_longer() {
        let health = Health::default();
        let mut now = 1;
        for _ in 0..3 {
            failed(&health, now);
        }
        for rest in [10, 20, 40, 80, 160, 300, 300] {
            assert!(!takes(&health, now + rest * 1000 - 1), "{rest}");
            now += rest * 1000;
            assert!(takes(&health, now), "{rest}");
            assert!(!takes(&health, now), "a second one, after {rest}");
            failed(&health, now);
        }
        assert!(health.succeeded());
        assert_eq!(health.condition(), Condition::Well);
        assert!(takes(&health, now) && takes(&health, now));
        // From the beginning.
        for _ in 0..2 {
            assert_eq!(failed(&health, now), None);
        }
        assert_eq!(failed(&health, now), Some(10));
    }

    #[test]
    fn a_try_without_an_end_is_given_back_and_makes_no_rest_longer() {
        let health = Health::default();
        for _ in 0..3 {
            failed(&health, 1);
        }
        // Who was there before it rested gives nothing back.
        health.undecided(2);
        assert!(!takes(&health, 10_000));
        for now in 10_001..10_020 {
            assert!(takes(&health, now));
            assert!(!takes(&health, now));
            health.undecided(now);
        }
        assert!(takes(&health, 10_020));
        failed(&health, 10_020);
        health.undecided(10_020);
        assert!(!takes(&health, 30_019));
        assert!(takes(&health, 30_020));
        assert!(health.succeeded());
    }

    #[test]
    fn what_a_check_finds_unwell_takes_nothing_and_well_again_everything() {
        let health = Health::default();
        assert!(!health.checked(true), "it was well");
        for _ in 0..3 {
            failed(&health, 1);
        }
        assert!(health.checked(false));
        assert!(!health.checked(false), "no news");
        assert!(!takes(&health, u64::MAX / 2));
        assert_eq!(health.condition(), Condition::Unwell);
        assert!(health.checked(true));
        assert_eq!(health.condition(), Condition::Well);
        assert!(takes(&health, 2));
    }
}
