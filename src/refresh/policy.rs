//! What is a policy asked? When to fetch, and how long what came is good: values that the mechanism
//! acts on. The time and the chance are arguments.

use std::sync::Arc;
use std::time::Duration;

use super::backoff::{Backoff, Ended};
use crate::clock::UnixTime;

/// A pure state machine.
pub(super) trait Policy<T>: Send + 'static {
    /// What is noted on an item that is kept.
    type Marks: Send + Sync + 'static;

    /// How long this item is good that came at `now`.
    fn life(&self, item: &T, now: UnixTime, chance: u32) -> Life;

    /// Whether a new item is the old one come again.
    fn is_same(_old: &T, _new: &T) -> bool {
        false
    }

    /// What is noted at first on one that differs from what it replaces.
    fn marks(replaced: Option<&Arc<T>>) -> Self::Marks;

    /// Takes note that a fetch ended, and says how long the next must wait.
    fn ended(&mut self, ended: &Ended) -> Duration;

    /// When the next fetch is due by the clock; at no time where the next caller is to ask.
    fn due(
        &self,
        kept: Option<&Kept<T, Self::Marks>>,
        backoff: Option<&Backoff>,
        now: UnixTime,
    ) -> Option<UnixTime>;
}

/// Until when an item is fresh, and until when it is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) stale_at: UnixTime,
    /// The last second of it.
    pub(super) expires_at: UnixTime,
}

#[derive(Debug)]
pub(super) struct Kept<T, M> {
    pub(super) item: Arc<T>,
    pub(super) fetched_at: UnixTime,
    pub(super) life: Life,
    /// Counts the items that differed.
    pub(super) generation: u64,
    pub(super) marks: Arc<M>,
}

impl<T, M> Kept<T, M> {
    pub(super) fn is_good(&self, now: UnixTime) -> bool {
        now <= self.life.expires_at
    }
}
