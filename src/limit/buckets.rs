//! All buckets of a process in one bounded table, so that whoever comes from many addresses, or under
//! many names, cannot make it grow.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::bucket::{Excess, Left};
use super::shard::Shard;
use super::telling::Telling;
use super::untold::known_as;
use super::{Counted, Exceeded, Limit, Rate};

/// Each with a lock of its own. A power of two.
const SHARDS: usize = 64;
/// Of all shards together; with their keys and the room between them, some 66 bytes each.
const MOST: usize = 256 * 1024;

pub struct Buckets {
    began: Instant,
    pub(super) shards: Box<[Mutex<Shard>]>,
    /// Secret: nobody can choose names that fall into one shard, or upon another's bucket.
    pub(super) hashes: [RandomState; 2],
    pub(super) telling: Telling,
}

/// One request's place in a bucket; it ends with this.
pub struct Taken {
    buckets: Arc<Buckets>,
    key: u128,
    counted: Counted,
    /// What is left of the rate, where there is one.
    left: Option<(Rate, Left)>,
}

/// At a scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketsSample {
    pub kept: usize,
    /// Since the start.
    pub forgotten: u64,
    /// How often what a bucket has spent was told to other replicas, and how often it could not be.
    pub told: u64,
    pub untold: u64,
}

impl Buckets {
    pub fn new(now: Instant) -> Arc<Self> {
        Self::with_room_for(MOST, now)
    }

    fn with_room_for(most: usize, now: Instant) -> Arc<Self> {
        let shard = || {
            Mutex::new(Shard {
                most: most.div_ceil(SHARDS),
                ..Shard::default()
            })
        };
        Arc::new(Self {
            began: now,
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hashes: [RandomState::new(), RandomState::new()],
            telling: Telling::default(),
        })
    }

    /// Counts one request of `who` under the limit of `place`: a route's, or a listener's, name. Another
    /// limit has another bucket: who may come by two does not pay for the one with the other.
    pub fn take(
        self: &Arc<Self>,
        place: impl Hash,
        (counted, who): (Counted, impl Hash),
        limit: &Limit,
        now: Instant,
    ) -> Result<Taken, Exceeded> {
        let [one, two] = self
            .hashes
            .each_ref()
            .map(|hash| hash.hash_one((&place, counted, limit, &who)));
        let key = u128::from(one) << 64 | u128::from(two);
        let known_as = || known_as((&place, counted, limit, &who));
        match self.take_of(key, limit, self.clock(now), known_as) {
            Ok(left) => Ok(Taken {
                buckets: Arc::clone(self),
                key,
                counted,
                left: limit.rate.zip(left),
            }),
            Err(excess) => Err(Exceeded {
                counted,
                limit: *limit,
                excess,
            }),
        }
    }

    fn take_of(
        &self,
        key: u128,
        limit: &Limit,
        now: u64,
        who: impl FnOnce() -> [u8; 32],
    ) -> Result<Option<Left>, Excess> {
        let mut shard = self.shard(key).lock();
        let left = shard.take(key, limit, now)?;
        if let Some(rate) = limit.rate.filter(|rate| rate.shared) {
            let is_room = shard.untold.add(key, rate, who);
            drop(shard);
            self.telling.is_due(is_room);
        }
        Ok(left)
    }

    pub fn sample(&self) -> BucketsSample {
        let mut sample = BucketsSample {
            told: self.telling.told(),
            untold: self.telling.untold(),
            ..BucketsSample::default()
        };
        for shard in &self.shards {
            let shard = shard.lock();
            sample.kept += shard.buckets.len();
            sample.forgotten += shard.forgotten;
        }
        sample
    }

    /// In nanoseconds since the buckets' beginning.
    pub(super) fn clock(&self, now: Instant) -> u64 {
        let now = now.saturating_duration_since(self.began).as_nanos();
        u64::try_from(now).unwrap_or(u64::MAX)
    }

    pub(super) fn shard(&self, key: u128) -> &Mutex<Shard> {
        // INVARIANT: a remainder of their number is one of them.
        &self.shards[usize::try_from(key % SHARDS as u128).unwrap_or(0)]
    }
}

impl Taken {
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// What is left of the rate, where the limit has one.
    pub fn left(&self) -> Option<(Rate, Left)> {
        self.left
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut shard = self.buckets.shard(self.key).lock();
        let Some(bucket) = shard.buckets.get_mut(&self.key) else {
            return;
        };
        bucket.release();
        if bucket.is_blank() {
            shard.buckets.remove(&self.key);
        }
    }
}

#[cfg(test)]
#[path = "buckets_tests.rs"]
mod tests;
