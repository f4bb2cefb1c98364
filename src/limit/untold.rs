//! What has been spent here of limits that replicas share, and not been told to the others yet? Each
//! request adds to it, and whoever tells takes all of it away. It is bounded: what finds no room counts
//! here alone.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use openssl::sha::Sha256;

use super::Rate;

/// Of each shard: a million buckets a second, told twenty times in it.
const MOST: usize = 1024;
/// What is learned of others counts from so long on, in nanoseconds. They tell what they have spent in
/// the last moment as if it had all been now; without this, whoever keeps to a rate would be refused for that.
pub(super) const LATE: u64 = 100_000_000;
/// So many full buckets may be owed, at most: as many replicas may each have let one through at once.
const MOST_OWED: u64 = 16;

/// What one bucket has spent, to be told.
pub struct Spending {
    pub(super) key: u128,
    /// SHA-256 of whom and what it counts; the same on all replicas that count that by the same limit.
    pub who: [u8; 32],
    /// So much later it is full again, in whole milliseconds.
    pub spent: Duration,
    /// The longest until it is full again that anybody believes.
    pub most: Duration,
}

/// One shard's.
#[derive(Default)]
pub(super) struct Untold {
    spent: HashMap<u128, Spent>,
}

struct Spent {
    who: [u8; 32],
    /// In nanoseconds, and so is what follows.
    charge: u64,
    most: u64,
}

impl Untold {
    /// One request of a bucket's rate; whether there was room for it.
    pub(super) fn add(&mut self, key: u128, rate: Rate, who: impl FnOnce() -> [u8; 32]) -> bool {
        if let Some(known) = self.spent.get_mut(&key) {
            known.charge = known.charge.saturating_add(rate.interval());
            return true;
        }
        let is_room = self.spent.len() < MOST;
        if is_room {
            let spent = Spent {
                who: who(),
                charge: rate.interval(),
                most: (rate.span().saturating_add(LATE)).saturating_mul(MOST_OWED),
            };
            self.spent.insert(key, spent);
        }
        is_room
    }

    /// All of it; from now on there is none. `dice` is a number for each bucket that nobody foresees.
    pub(super) fn take(&mut self, dice: impl Fn(u128) -> u64) -> impl Iterator<Item = Spending> {
        let spent = std::mem::take(&mut self.spent);
        spent.into_iter().map(move |(key, spent)| Spending {
            key,
            who: spent.who,
            spent: Duration::from_millis(whole_milliseconds(spent.charge, dice(key))),
            most: Duration::from_nanos(spent.most),
        })
    }

    /// What a bucket has spent since it was told, in nanoseconds.
    pub(super) fn of(&self, key: u128) -> u64 {
        self.spent.get(&key).map_or(0, |spent| spent.charge)
    }
}

/// Redis counts in milliseconds. A part of one is one as often as it is large, so that in the long run
/// nothing is lost, and nothing has to be kept for later.
fn whole_milliseconds(nanoseconds: u64, dice: u64) -> u64 {
    nanoseconds.saturating_add(dice % 1_000_000) / 1_000_000
}

/// What whoever counts the same calls it. `Hash` says what makes somebody the same; two versions of the
/// gateway may say it otherwise, and then do not count together.
pub(super) fn known_as(what: impl Hash) -> [u8; 32] {
    let mut digest = Digest(Sha256::new());
    what.hash(&mut digest);
    digest.0.finish()
}

struct Digest(Sha256);

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks for so little of it.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Unit;
    use super::*;

    const TEN_A_SECOND: Rate = Rate {
        requests: 10,
        unit: Unit::Second,
        burst: 20,
        shared: true,
    };

    #[test]
    fn what_is_spent_adds_up_until_it_is_taken() {
        let mut untold = Untold::default();
        let who = || known_as("payroll");
        assert!((0..3).all(|_| untold.add(1, TEN_A_SECOND, who)));
        assert_eq!(untold.of(1), 300_000_000);
        let taken: Vec<_> = untold.take(|_| 0).collect();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].who, known_as("payroll"));
        assert_eq!(taken[0].spent, Duration::from_millis(300));
        assert_eq!(taken[0].most, Duration::from_millis(16 * 2_100));
        assert_eq!((untold.of(1), untold.take(|_| 0).count()), (0, 0));
    }

    #[test]
    fn it_is_bounded_and_who_is_there_goes_on() {
        let mut untold = Untold::default();
        let most = u128::try_from(MOST).unwrap();
        assert!((0..most).all(|key| untold.add(key, TEN_A_SECOND, || [0; 32])));
        assert!(!untold.add(most, TEN_A_SECOND, || [0; 32]));
        assert!(untold.add(0, TEN_A_SECOND, || [0; 32]));
        assert_eq!(untold.take(|_| 0).count(), MOST);
    }

    #[test]
    fn parts_of_a_millisecond_are_not_lost_in_the_long_run() {
        // 7,000 ns each, a thousand times: 7 ms.
        let dice = (0..1000).map(|number: u64| number * 1_000);
        let told: u64 = dice.map(|dice| whole_milliseconds(7_000, dice)).sum();
        assert_eq!(told, 7);
        assert_eq!(whole_milliseconds(3_000_000, 999_999), 3);
        assert_eq!(whole_milliseconds(3_000_001, 999_999), 4);
    }

    #[test]
    fn whoever_is_not_the_same_is_called_otherwise() {
        let limit = |shared| Rate {
            shared,
            ..TEN_A_SECOND
        };
        let names = [
            known_as(("orders", "payroll", limit(true))),
            known_as(("orders", "night", limit(true))),
            known_as(("orderspayroll", "", limit(true))),
            known_as(("orders", "payroll", limit(false))),
        ];
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{place}");
        }
        assert_eq!(names[0], known_as(("orders", "payroll", limit(true))));
    }
}
