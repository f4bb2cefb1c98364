//! How many frames may a peer send that ask for nothing? What is spent comes back with time, and with
//! work that was really done.

use std::time::Duration;

/// A bucket of so many credits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    left: u32,
    most: u32,
    a_second: u32,
    /// Thousandths of a credit.
    rest: u32,
}

impl Budget {
    pub(super) const fn new(most: u32, a_second: u32) -> Self {
        Self {
            left: most,
            most,
            a_second,
            rest: 0,
        }
    }

    /// False where nothing is left.
    pub(super) const fn spend(&mut self) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            return false;
        };
        self.left = left;
        true
    }

    pub(super) fn earn(&mut self, credits: u32) {
        self.left = self.left.saturating_add(credits).min(self.most);
    }

    pub(super) fn passed(&mut self, time: Duration) {
        let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let thousandths = millis
            .saturating_mul(self.a_second)
            .saturating_add(self.rest);
        self.rest = thousandths % 1000;
        self.earn(thousandths / 1000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_work_bring_back_what_is_spent_and_no_more() {
        let mut budget = Budget::new(2, 10);
        assert!(budget.spend() && budget.spend());
        assert!(!budget.spend());
        budget.passed(Duration::from_millis(50));
        assert!(!budget.spend());
        budget.passed(Duration::from_millis(50));
        assert!(budget.spend());
        assert!(!budget.spend());
        budget.earn(1);
        assert!(budget.spend());
        budget.passed(Duration::MAX);
        budget.earn(u32::MAX);
        assert!(budget.spend() && budget.spend());
        assert!(!budget.spend());
    }
}
