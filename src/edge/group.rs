//! Who of a listener, or of an address, goes first where another one needs the room?

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conversation::{Conversation, Resting};

/// How many are looked up at a time, and of how many one: a look costs as much as there are members.
const LOOKED_UP: usize = 64;
const OF_SO_MANY: usize = 4;
/// What a look found in those who are in their grace holds for so long, on the listener's clock.
pub(super) const FRESH: u64 = 10_000_000;
/// After a look in vain, the next one waits.
const IN_VAIN: Duration = Duration::from_millis(10);
/// How many may be on their way out at a time, above the limit.
pub(super) const MOST_LEAVING: usize = 64;

#[derive(Default)]
pub(super) struct Group {
    pub(super) members: HashMap<u64, Arc<Conversation>>,
    pub(super) leaving: usize,
    /// Requests beside the one that each member may have at hand.
    pub(super) beside: usize,
    /// Those that rested for longest at the last look, the oldest first. Whoever began to rest since
    /// is younger than those of them who were in no grace.
    oldest: VecDeque<(Resting, u64)>,
    looked: u64,
    in_vain: Option<Instant>,
}

impl Group {
    /// How many will be left when those who leave have left.
    pub(super) fn staying(&self) -> usize {
        (self.members.len() + self.beside).saturating_sub(self.leaving)
    }

    /// Asks one of this address to leave.
    pub(super) fn make_room(&mut self, all: &mut Self, now: u64) -> Option<()> {
        self.oldest(now)?;
        self.leaving += 1;
        all.leaving += 1;
        Some(())
    }

    /// Asks the one that has rested for longest to leave.
    pub(super) fn oldest(&mut self, now: u64) -> Option<Arc<Conversation>> {
        if self.leaving >= MOST_LEAVING {
            return None;
        }
        loop {
            while let Some((rested, number)) = self.oldest.pop_front() {
                let member = self.members.get(&number);
                if rested.since > self.looked && now.saturating_sub(self.looked) > FRESH {
                    self.oldest.clear();
                    break;
                }
                let still = member.filter(|member| member.rests() == Some(rested));
                if let Some(member) = still.filter(|member| member.leave()) {
                    return Some(Arc::clone(member));
                }
            }
            if !self.look(now) {
                return None;
            }
        }
    }

    /// Looks who has rested for longest. False where nobody rests.
    fn look(&mut self, now: u64) -> bool {
        if self.in_vain.is_some_and(|last| last.elapsed() < IN_VAIN) {
            return false;
        }
        let resting = self.members.iter().filter(|(_, it)| !it.is_leaving());
        let resting = resting.filter_map(|(number, it)| Some((it.rests()?, *number)));
        let mut resting: Vec<_> = resting.collect();
        // So few that those who come next are not overlooked.
        let most = LOOKED_UP.min(resting.len() / OF_SO_MANY + 1);
        if resting.len() > most {
            resting.select_nth_unstable(most);
            resting.truncate(most);
        }
        resting.sort_unstable();
        self.in_vain = resting.is_empty().then(Instant::now);
        self.looked = now;
        self.oldest = resting.into();
        !self.oldest.is_empty()
    }

    pub(super) fn remove(&mut self, number: u64) {
        let member = self.members.remove(&number);
        if member.is_some_and(|it| it.is_leaving()) {
            self.leaving = self.leaving.saturating_sub(1);
        }
    }
}
