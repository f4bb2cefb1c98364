//! When is something renewed that ends, and how long is it handed out? A pure state machine: the
//! time and the chance are arguments, `before_expiry` acts on what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::backoff::{Backoff, Ended, jitter};
use super::policy::{Kept, Life, Policy};
use crate::clock::UnixTime;

/// What has less left is not handed out, for it might end on its way: a tenth of its life, within
/// these bounds.
const LEAST_MARGIN: Duration = Duration::from_secs(1);
const LONGEST_MARGIN: Duration = Duration::from_secs(5);

/// The least between two fetches, whatever the times say.
const LEAST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest between two fetches where nobody asked for more.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

/// The least between two replacements of what was refused; Entra takes a client that asks more often
/// for one that is caught in a loop.
pub(super) const LEAST_BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(60);

/// The least between two that somebody orders.
const LEAST_BETWEEN_ORDERS: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Renewal {
    /// Between fetches after a failure.
    cool_down: Duration,
    /// When one that was refused was last replaced.
    replaced: Option<UnixTime>,
    /// When somebody last ordered a fresh one.
    ordered: Option<UnixTime>,
    /// When all before were last to be forgotten.
    purged: Option<UnixTime>,
    /// When one was last looked for elsewhere.
    looked: Option<UnixTime>,
}

pub trait Expires {
    fn expires_at(&self) -> UnixTime;
    fn renew_at(&self) -> UnixTime;

    /// When it was made, where it was not made for the one who fetched it, but remembered elsewhere.
    fn remembered_from(&self) -> Option<UnixTime> {
        None
    }
}

/// What callers have told of the one at hand.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Somebody was given it: what nobody uses is not renewed.
    pub(super) used: Flag,
}

#[derive(Debug, Default)]
pub(super) struct Flag(AtomicBool);

impl Flag {
    pub(super) fn set(&self) {
        // Written once, so that requests on all cores do not pass the line around.
        if !self.is_set() {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Renewal {
    pub(super) fn new(cool_down: Duration) -> Self {
        Self {
            cool_down,
            replaced: None,
            ordered: None,
            purged: None,
            looked: None,
        }
    }

    pub(super) fn replace(&mut self, now: UnixTime) {
        self.replaced = Some(now);
    }

    pub(super) fn replaced(&self) -> Option<UnixTime> {
        self.replaced
    }

    pub(super) fn may_replace(&self, now: UnixTime) -> bool {
        let pause = self.cool_down.max(LEAST_BETWEEN_REPLACEMENTS);
        self.replaced.is_none_or(|last| now >= last.plus(pause))
    }

    /// How long until the next order is carried out.
    pub(super) fn until_order(&self, now: UnixTime) -> Option<Duration> {
        let until = self.ordered?.plus(LEAST_BETWEEN_ORDERS);
        // A clock that was set back must not make hours of seconds.
        let left = now.until(until).min(LEAST_BETWEEN_ORDERS);
        (!left.is_zero()).then_some(left)
    }

    pub(super) fn order(&mut self, now: UnixTime) {
        self.ordered = Some(now);
    }

    /// Whether one may be looked for elsewhere again; then it is. Once a second, however many want it.
    pub(super) fn may_look(&mut self, now: UnixTime) -> bool {
        let is_first = self.looked.is_none_or(|last| last != now);
        self.looked = Some(now);
        is_first
    }

    pub(super) fn purge(&mut self, now: UnixTime) {
        self.purged = Some(now);
    }
}

impl<T: Expires> Policy<T> for Renewal {
    type Marks = Marks;

    fn marks(_: Option<&Arc<T>>) -> Marks {
        Marks::default()
    }

    fn life(&self, item: &T, now: UnixTime, _: u32) -> Life {
        // SECURITY: what was remembered elsewhere while it was to be forgotten is not taken back.
        let forgotten = item
            .remembered_from()
            .is_some_and(|then| self.purged >= Some(then));
        if forgotten {
            return Life {
                stale_at: UnixTime::from_seconds(0),
                expires_at: UnixTime::from_seconds(0),
            };
        }
        Life {
            stale_at: item.renew_at(),
            expires_at: last_moment(item, now),
        }
    }

    /// Longer where the other side asked for it, or where the one at hand is good for long: a day's
    /// token is no reason to knock every five seconds. One that was refused is good for nothing.
    fn ended(&mut self, ended: &Ended) -> Duration {
        let was_refused = self.replaced == Some(ended.begun);
        if ended.failed && was_refused {
            // It was not replaced.
            self.replaced = None;
        }
        let patience = match ended.failed && !was_refused {
            true => (ended.left / 20).min(LONGEST_BACKOFF),
            false => Duration::ZERO,
        };
        let wanted = self.cool_down.max(ended.asked);
        wanted.max(patience).max(LEAST_BACKOFF)
    }

    fn due(
        &self,
        kept: Option<&Kept<T, Marks>>,
        backoff: Option<&Backoff>,
        now: UnixTime,
    ) -> Option<UnixTime> {
        let kept = kept?;
        let stale_at = kept.life.stale_at;
        let ready = backoff.map_or(stale_at, |backoff| stale_at.max(backoff.until));
        // Nobody asked for it in its whole life so far: nobody needs the next one.
        let is_wanted = now < ready || kept.marks.used.is_set();
        (is_wanted && kept.is_good(ready.max(now))).then_some(ready)
    }
}

/// The last second in which what came `now` is handed out.
pub(super) fn last_moment(item: &impl Expires, now: UnixTime) -> UnixTime {
    let margin = now.until(item.expires_at()) / 10;
    let margin = margin.clamp(LEAST_MARGIN, LONGEST_MARGIN);
    item.expires_at().minus(margin)
}

/// When to renew what came `now`: when the other side would like it (`wanted`), else some time
/// before the end; and a little earlier by `chance`.
pub fn renew_at(
    wanted: Option<UnixTime>,
    expires_at: UnixTime,
    renew_before: Duration,
    now: UnixTime,
    chance: u32,
) -> UnixTime {
    let life = now.until(expires_at);
    let due = match wanted {
        Some(at) => at,
        None if renew_before < life => expires_at.minus(renew_before),
        None => now.plus(life / 2),
    };
    let most = (renew_before / 10).min(now.until(due) / 2);
    due.minus(jitter(most, chance))
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
