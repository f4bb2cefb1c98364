//! What became of spans.

use prometheus::{IntCounter, IntCounterVec};

/// Counts them by what became of them.
#[derive(Clone)]
pub struct SpanMetrics {
    sent: IntCounter,
    dropped: IntCounter,
    failed: IntCounter,
}

impl SpanMetrics {
    pub(super) fn new(spans: &IntCounterVec) -> Self {
        let of = |outcome| spans.with_label_values(&[outcome]);
        Self {
            sent: of("sent"),
            dropped: of("dropped"),
            failed: of("failed"),
        }
    }

    /// A collector has taken them.
    pub fn sent(&self, count: u64) {
        self.sent.inc_by(count);
    }

    /// Too many waited already.
    pub fn dropped(&self, count: u64) {
        self.dropped.inc_by(count);
    }

    /// The collector was not reached, or did not take them.
    pub fn failed(&self, count: u64) {
        self.failed.inc_by(count);
    }
}
