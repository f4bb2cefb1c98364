//! What is told to other replicas, and learned from them? Requests are decided here and now, by what is
//! known; whoever carries what is told takes it away in the background, and brings back what all have spent.

use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Buckets;
use super::untold::{LATE, Spending};

#[derive(Default)]
pub(super) struct Telling {
    /// Whom it wakes when there is something to be told, and whether it has.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
    is_awake: AtomicBool,
    rounds: AtomicU64,
    told: AtomicU64,
    untold: AtomicU64,
}

impl Buckets {
    /// Calls this when something has been spent that other replicas are to know of; once, until that is
    /// asked for. The first one given stays.
    pub fn wake_by(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.telling.wake.set(Box::new(wake));
    }

    /// What has been spent of limits that replicas share since this was asked last.
    pub fn spendings(&self) -> Vec<Spending> {
        let telling = &self.telling;
        telling.is_awake.store(false, Ordering::SeqCst);
        let round = telling.rounds.fetch_add(1, Ordering::Relaxed);
        let dice = |key: u128| self.hashes[0].hash_one((key, round));
        let mut spendings = Vec::new();
        for shard in &self.shards {
            spendings.extend(shard.lock().untold.take(dice));
        }
        spendings
    }

    /// All replicas together owe so much of a bucket, as of that time: it will be full no sooner. What is
    /// known already stays known, whatever is said.
    pub fn learn(&self, spending: &Spending, owed: Duration, asked: Instant) {
        self.telling.told.fetch_add(1, Ordering::Relaxed);
        let owed = u64::try_from(owed.min(spending.most).as_nanos()).unwrap_or(u64::MAX);
        let mut shard = self.shard(spending.key).lock();
        let since = shard.untold.of(spending.key);
        let full_at = self.clock(asked).saturating_add(owed).saturating_add(since);
        if let Some(bucket) = shard.buckets.get_mut(&spending.key) {
            bucket.is_not_full_before(full_at.saturating_sub(LATE));
        }
    }

    /// What so many buckets have spent could not be told, and counts here alone.
    pub fn could_not_tell(&self, buckets: usize) {
        let buckets = u64::try_from(buckets).unwrap_or(u64::MAX);
        self.telling.untold.fetch_add(buckets, Ordering::Relaxed);
    }
}

impl Telling {
    /// There is something to be told, or, where there was no room for it, more than can be.
    pub(super) fn is_due(&self, is_room: bool) {
        if !is_room {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
        if !self.is_awake.swap(true, Ordering::SeqCst)
            && let Some(wake) = self.wake.get()
        {
            wake();
        }
    }

    pub(super) fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    pub(super) fn untold(&self) -> u64 {
        self.untold.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
#[path = "telling_tests.rs"]
mod tests;
