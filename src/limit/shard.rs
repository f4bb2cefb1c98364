//! One part of the table of buckets, with a lock of its own. Where it is full, who is furthest from a
//! limit is forgotten first: many strangers do not push out whoever has used a limit up.

use std::collections::HashMap;

use super::Limit;
use super::bucket::{Bucket, Excess, Left};
use super::untold::Untold;

#[derive(Default)]
pub(super) struct Shard {
    pub(super) buckets: HashMap<u128, Bucket>,
    pub(super) untold: Untold,
    pub(super) most: usize,
    pub(super) forgotten: u64,
}

impl Shard {
    /// Counts one request of this bucket, which begins where it is not there.
    pub(super) fn take(
        &mut self,
        key: u128,
        limit: &Limit,
        now: u64,
    ) -> Result<Option<Left>, Excess> {
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
