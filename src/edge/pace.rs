//! Does a body come fast enough? Only the time that it is waited for counts: what the upstream does
//! not take is not the caller's doing.

use std::time::Duration;

/// Of the body at hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// For how long it may be waited for at a time, and in all before its bytes must have earned it.
    grace: Duration,
    /// Bytes that earn a second; 0: no bound.
    least: u64,
    waited: Duration,
    came: u64,
}

impl Pace {
    pub(super) fn new(grace: Duration, least: u64) -> Self {
        Self {
            grace,
            least,
            waited: Duration::ZERO,
            came: 0,
        }
    }

    /// Another body begins.
    pub(super) fn begin(&mut self) {
        (self.waited, self.came) = (Duration::ZERO, 0);
    }

    pub(super) fn waited(&mut self, span: Duration) {
        self.waited += span;
    }

    pub(super) fn came(&mut self, bytes: usize) {
        self.came += bytes as u64;
    }

    /// How long it may be waited for now.
    pub(super) fn patience(&self) -> Duration {
        let Some(earned) = self.came.saturating_mul(1000).checked_div(self.least) else {
            return self.grace;
        };
        let all = self.grace.saturating_add(Duration::from_millis(earned));
        all.saturating_sub(self.waited).min(self.grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_earn_time_and_waiting_spends_it() {
        let grace = Duration::from_secs(30);
        let mut pace = Pace::new(grace, 100);
        assert_eq!(pace.patience(), grace);
        pace.waited(Duration::from_secs(29));
        pace.came(50);
        assert_eq!(pace.patience(), Duration::from_millis(1_500));
        pace.waited(Duration::from_secs(2));
        assert_eq!(pace.patience(), Duration::ZERO);
        pace.came(1_000_000);
        assert_eq!(pace.patience(), grace);
        pace.came(usize::MAX - 1_000_050);
        assert_eq!(pace.patience(), grace);
        pace.begin();
        assert_eq!(pace.patience(), grace);
        let mut unbounded = Pace::new(grace, 0);
        unbounded.waited(Duration::from_secs(1_000));
        assert_eq!(unbounded.patience(), grace);
    }
}
