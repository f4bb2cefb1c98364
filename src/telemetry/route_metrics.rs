//! What a request counts when it ends: one increment and one observation on handles that were
//! resolved before, so that the hot path looks up no label.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

/// One route's handles. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct RouteMetrics {
    series: Arc<Series>,
}

impl RouteMetrics {
    pub(super) fn new(series: Series) -> Self {
        Self {
            series: Arc::new(series),
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    pub fn begin(&self) -> InFlight {
        self.series.in_flight.inc();
        InFlight {
            gauge: self.series.in_flight.clone(),
        }
    }

    /// Counts one finished request. `outcome`: `allowed`, `denied`, `failed`; `reason`: its word, or empty.
    pub fn finished(&self, outcome: &'static str, reason: &'static str, duration: Duration) {
        self.series.counter(outcome, reason).inc();
        self.series.durations.observe(duration.as_secs_f64());
    }
}

/// A request that is being served; dropped, it is not.
#[derive(Debug)]
pub struct InFlight {
    gauge: IntGauge,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// The series behind one label.
pub(super) struct Series {
    label: Arc<str>,
    requests: IntCounterVec,
    durations: Histogram,
    in_flight: IntGauge,
    /// The head of a list that only grows: `allowed` from the start, the others on first use.
    /// Outcomes and reasons are words of the program, so it stays short.
    first: Slot,
}

struct Slot {
    outcome: &'static str,
    reason: &'static str,
    count: IntCounter,
    next: OnceLock<Box<Slot>>,
}

impl Series {
    pub(super) fn new(
        label: &Arc<str>,
        requests: IntCounterVec,
        durations: Histogram,
        in_flight: IntGauge,
    ) -> Self {
        Self {
            first: Slot::new(&requests, label, "allowed", ""),
            label: Arc::clone(label),
            requests,
            durations,
            in_flight,
        }
    }

    fn counter(&self, outcome: &'static str, reason: &'static str) -> &IntCounter {
        let mut slot = &self.first;
        while !(slot.outcome == outcome && slot.reason == reason) {
            slot = slot
                .next
                .get_or_init(|| Box::new(Slot::new(&self.requests, &self.label, outcome, reason)));
        }
        &slot.count
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Series")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl Slot {
    fn new(
        requests: &IntCounterVec,
        label: &str,
        outcome: &'static str,
        reason: &'static str,
    ) -> Self {
        Self {
            outcome,
            reason,
            count: requests.with_label_values(&[label, outcome, reason]),
            next: OnceLock::new(),
        }
    }
}
