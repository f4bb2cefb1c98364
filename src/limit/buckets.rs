//! All buckets of a process in one bounded table, so that whoever comes from many addresses, or under
//! many names, cannot make it grow. Where it is full, who is furthest from a limit is forgotten first:
//! many strangers do not push out whoever has used a limit up.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::bucket::{Bucket, Excess, Left};
use super::{Limit, Rate};

/// Each with a lock of its own. A power of two.
const SHARDS: usize = 64;
/// Of all shards together; with their keys and the room between them, some 66 bytes each.
const MOST: usize = 256 * 1024;

pub struct Buckets {
    began: Instant,
    shards: Box<[Mutex<Shard>]>,
    /// Secret: nobody can choose names that fall into one shard, or upon another's bucket.
    hashes: [RandomState; 2],
}

#[derive(Default)]
struct Shard {
    buckets: HashMap<u128, Bucket>,
    most: usize,
    forgotten: u64,
}

/// Whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Each who is let in by a route.
    Caller,
    /// Each address that asks a route.
    Address,
    /// All that a route lets in.
    Route,
    /// Each address that asks a listener.
    Door,
}

/// One request's place in a bucket; it ends with this.
pub struct Taken {
    buckets: Arc<Buckets>,
    key: u128,
    counted: Counted,
    /// What is left of the rate, where there is one.
    left: Option<(Rate, Left)>,
}

/// A limit that one request more would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub counted: Counted,
    pub limit: Limit,
    pub excess: Excess,
}

/// At a scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketsSample {
    pub kept: usize,
    /// Since the start.
    pub forgotten: u64,
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
        let now = now.saturating_duration_since(self.began).as_nanos();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        match self.shard(key).lock().take(key, limit, now) {
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

    pub fn sample(&self) -> BucketsSample {
        let mut sample = BucketsSample::default();
        for shard in &self.shards {
            let shard = shard.lock();
            sample.kept += shard.buckets.len();
            sample.forgotten += shard.forgotten;
        }
        sample
    }

    fn shard(&self, key: u128) -> &Mutex<Shard> {
        // INVARIANT: a remainder of their number is one of them.
        &self.shards[usize::try_from(key % SHARDS as u128).unwrap_or(0)]
    }
}

impl Shard {
    fn take(&mut self, key: u128, limit: &Limit, now: u64) -> Result<Option<Left>, Excess> {
        if let Some(known) = self.buckets.get_mut(&key) {
            return known.take(limit, now);
        }
        if self.buckets.len() >= self.most && !self.make_room(now) {
            // Each of so many has a request under way: there are not so many connections.
            return Err(Excess::Concurrent);
        }
        let mut bucket = Bucket::default();
        let taken = bucket.take(limit, now);
        if taken.is_ok() {
            self.buckets.insert(key, bucket);
        }
        taken
    }

    /// Forgets what says no more than a new bucket, and where that is not a quarter of them, who is
    /// furthest from a limit. So a walk through all is paid for by as many who come anew.
    fn make_room(&mut self, now: u64) -> bool {
        self.buckets.retain(|_, bucket| bucket.says_something(now));
        let stay = self.most - self.most.div_ceil(4);
        if self.buckets.len() > stay {
            let idle = |bucket: &&Bucket| bucket.in_flight == 0;
            let idle = self.buckets.values().filter(idle);
            let mut used: Vec<_> = idle.map(|bucket| bucket.used(now)).collect();
            let mut leave = self.buckets.len() - stay;
            if let Some(last) = leave.checked_sub(1).filter(|last| *last < used.len()) {
                let (_, most, _) = used.select_nth_unstable(last);
                let most = *most;
                let before = self.buckets.len();
                self.buckets.retain(|_, bucket| {
                    let stays = leave == 0 || bucket.in_flight > 0 || bucket.used(now) > most;
                    leave -= usize::from(!stays);
                    stays
                });
                self.forgotten += (before - self.buckets.len()) as u64;
            } else {
                let before = self.buckets.len();
                self.buckets.retain(|_, bucket| bucket.in_flight > 0);
                self.forgotten += (before - self.buckets.len()) as u64;
            }
        }
        self.buckets.len() < self.most
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

impl Exceeded {
    /// When one may come again. Whose requests are too many at a time may ask in a moment.
    pub fn retry_after(&self) -> Duration {
        match self.excess {
            Excess::Rate(wait) => wait,
            Excess::Concurrent => Duration::from_secs(1),
        }
    }
}

impl Counted {
    /// One word, for callers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
            Self::Route => "route",
            Self::Door => "listener",
        }
    }

    const fn whose(self) -> &'static str {
        match self {
            Self::Caller => "the route's limit for a caller",
            Self::Address => "the route's limit for an address",
            Self::Route => "the route's limit",
            Self::Door => "the listener's limit for an address",
        }
    }
}

/// For the log.
impl fmt::Display for Exceeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is {}", self.counted.whose(), self.limit)?;
        match self.excess {
            Excess::Rate(wait) => {
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                let wait = humantime::format_duration(Duration::from_millis(wait));
                write!(out, "; one more in {wait}")
            }
            Excess::Concurrent => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "buckets_tests.rs"]
mod tests;
