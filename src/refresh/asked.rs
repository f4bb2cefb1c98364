//! Has anybody been asked about it? What is missed for the first time may be new; only a fetch that
//! began after that can say that it is not there. Bounded: what is forgotten counts as new.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

/// The most that are remembered; a stranger may miss as many as it likes.
const MOST: usize = 4096;

/// What was missed, and the fetches since.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// By a hash under a key that this process drew: how many fetches had begun when it was first
    /// missed.
    first: HashMap<u64, u64>,
    hasher: RandomState,
    ended: u64,
    /// Which of them was the last that succeeded.
    answered: u64,
}

impl Asked {
    /// Takes note of what is missed.
    pub(super) fn missed(&mut self, what: &impl Hash, is_in_flight: bool) {
        let what = self.hasher.hash_one(what);
        if self.first.contains_key(&what) {
            return;
        }
        if self.first.len() >= MOST {
            self.first.clear();
        }
        self.first
            .insert(what, self.ended + u64::from(is_in_flight));
    }

    pub(super) fn ended(&mut self, succeeded: bool) {
        self.ended += 1;
        if succeeded {
            self.answered = self.ended;
        }
    }

    /// Whether a fetch that succeeded began after it was first missed.
    pub(super) fn about(&self, what: &impl Hash) -> bool {
        let first = self.first.get(&self.hasher.hash_one(what));
        first.is_some_and(|begun| self.answered > *begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fetch_that_began_later_and_succeeded_answers() {
        let mut asked = Asked::default();
        assert!(!asked.about(&"a"));
        asked.missed(&"a", false);
        assert!(!asked.about(&"a"));
        asked.ended(false);
        assert!(!asked.about(&"a"), "it failed");
        asked.missed(&"b", true);
        asked.ended(true);
        assert!(asked.about(&"a"));
        assert!(!asked.about(&"b"), "it was under way already");
        asked.missed(&"a", true);
        assert!(asked.about(&"a"), "the first time counts");
        asked.ended(true);
        assert!(asked.about(&"b"));
    }

    #[test]
    fn what_is_forgotten_counts_as_new() {
        let mut asked = Asked::default();
        asked.missed(&"a", false);
        asked.ended(true);
        for number in 1..MOST {
            asked.missed(&number, false);
        }
        assert!(asked.about(&"a"));
        asked.missed(&MOST, false);
        assert!(!asked.about(&"a"));
        assert!(asked.first.len() < MOST);
    }
}
