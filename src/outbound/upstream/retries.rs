//! May a request that failed be repeated? Within a budget: when an upstream fails as a whole, it must
//! not be asked twice as much. Which requests may be is the relay's to say (RFC 9110 §9.2.2).

use std::sync::atomic::{AtomicU32, Ordering};

/// What the file says of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetriesDefinition {
    /// How often one request may be repeated.
    pub most: u32,
    /// How many repetitions to a hundred requests, over time.
    pub percent: u32,
    /// Statuses of answers that are taken for failures too.
    pub statuses: Vec<u16>,
}

/// Requests save for repetitions, and repetitions spend that.
#[derive(Debug)]
pub(super) struct Budget {
    /// In hundredths of a repetition.
    saved: AtomicU32,
}

const REPETITION: u32 = 100;
/// At the beginning, and never more: repetitions that may come at once.
const MOST_SAVED: u32 = 10 * REPETITION;

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            saved: AtomicU32::new(MOST_SAVED),
        }
    }

    /// A request came.
    pub(super) fn save(&self, percent: u32) {
        // Most requests meet a full one, and need not write to it.
        let saved = self.saved.load(Ordering::Relaxed);
        if saved < MOST_SAVED {
            let more = saved.saturating_add(percent).min(MOST_SAVED);
            // Lost where others save at the same moment: it is never too much.
            let _ = self
                .saved
                .compare_exchange(saved, more, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether one may be repeated; then it is spent.
    pub(super) fn spend(&self) -> bool {
        let less = |saved: u32| saved.checked_sub(REPETITION);
        let (relaxed, saved) = (Ordering::Relaxed, &self.saved);
        saved.fetch_update(relaxed, relaxed, less).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lets_a_share_of_requests_be_repeated_and_a_few_at_once() {
        let budget = Budget::new();
        let spent = (0..100).filter(|_| budget.spend()).count();
        assert_eq!(spent, 10);
        let mut repeated = 0;
        for _ in 0..1000 {
            budget.save(20);
            repeated += usize::from(budget.spend());
        }
        assert_eq!(repeated, 200);
        for _ in 0..1000 {
            budget.save(20);
        }
        let spent = (0..100).filter(|_| budget.spend()).count();
        assert_eq!(spent, 10, "no more is saved up");
    }
}
