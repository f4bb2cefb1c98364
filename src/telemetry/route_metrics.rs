//! What a request counts when it ends: one increment and one observation on handles that were
//! resolved before, so that the hot path looks up no label.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};

use crate::reason::Reason;

const REASONS: usize = Reason::ALL.len();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    Denied(Reason),
    /// Let in or not yet judged, and gone wrong on our side of it or the upstream's.
    Failed(Reason),
}

impl Outcome {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied(_) => "denied",
            Self::Failed(_) => "failed",
        }
    }

    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::Denied(reason) | Self::Failed(reason) => Some(reason.word()),
        }
    }

    const fn slot(self) -> usize {
        match self {
            Self::Allowed => 0,
            Self::Denied(reason) => 1 + reason as usize,
            Self::Failed(reason) => 1 + REASONS + reason as usize,
        }
    }
}

#[derive(Clone)]
pub struct RouteMetrics {
    series: Arc<Series>,
}

struct Series {
    label: Box<str>,
    requests: IntCounterVec,
    durations: Histogram,
    in_flight: IntGauge,
    /// By outcome and reason, each made when it first counts: `/metrics` shows what happened.
    counts: [OnceLock<IntCounter>; 1 + 2 * REASONS],
}

impl RouteMetrics {
    /// `allowed` is shown before it counts.
    pub(super) fn new(
        label: &str,
        requests: &IntCounterVec,
        durations: Histogram,
        in_flight: &IntGauge,
    ) -> Self {
        let series = Series {
            label: label.into(),
            requests: requests.clone(),
            durations,
            in_flight: in_flight.clone(),
            counts: [const { OnceLock::new() }; 1 + 2 * REASONS],
        };
        series.count(Outcome::Allowed);
        Self {
            series: Arc::new(series),
        }
    }

    pub fn begin(&self) -> Counted {
        Counted::by(&self.series.in_flight)
    }

    pub fn finished(&self, outcome: Outcome, duration: Duration) {
        self.series.count(outcome).inc();
        self.series.durations.observe(duration.as_secs_f64());
    }
}

impl Series {
    fn count(&self, outcome: Outcome) -> &IntCounter {
        self.counts[outcome.slot()].get_or_init(|| {
            let reason = outcome.reason().unwrap_or_default();
            let labels = [&*self.label, outcome.word(), reason];
            self.requests.with_label_values(&labels)
        })
    }
}

/// One of what a gauge counts; dropped, it is one no more.
pub struct Counted(IntGauge);

impl Counted {
    pub(super) fn by(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
