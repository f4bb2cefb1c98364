//! What a request counts when it ends: one increment and one observation on handles that were
//! resolved before, so that the hot path looks up no label.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::core::Metric;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};

use super::{RouteFigures, Severity};
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

    pub const fn severity(self) -> Severity {
        match self {
            Self::Failed(Reason::InternalError) => Severity::Bug,
            Self::Allowed | Self::Denied(_) | Self::Failed(Reason::ClientClosed) => Severity::Usual,
            Self::Failed(_) => Severity::Failed,
        }
    }

    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::Denied(reason) | Self::Failed(reason) => Some(reason.word()),
        }
    }
}

#[derive(Clone)]
pub struct RouteMetrics {
    series: Arc<Series>,
}

struct Series {
    label: Arc<str>,
    families: RouteFamilies,
    durations: Histogram,
    /// Made when it first counts.
    upstream: OnceLock<Histogram>,
    allowed: ByClass,
    denied: Counts,
    failed: Counts,
    /// Made when it first counts.
    left_out: OnceLock<IntCounter>,
    repetitions: [OnceLock<IntCounter>; Repetition::ALL.len()],
}

/// Why a request was put to its upstream once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Where it went first could not be connected to: nothing had been sent.
    Connect,
    /// The connection that it was put to had ended while it rested.
    Stale,
    /// It failed, and was repeated.
    Failed,
    /// It failed, and would have been repeated but for the budget.
    OverBudget,
    /// Our token was refused, and another took its place.
    Refused,
}

impl Repetition {
    const ALL: [&'static str; 5] = ["connect", "stale", "failed", "over_budget", "refused"];
}

/// By reason, each made when it first counts: `/metrics` shows what happened.
type Counts = OnceLock<Box<[OnceLock<Box<ByClass>>; REASONS]>>;
/// By the class of the status that was sent.
type ByClass = [OnceLock<IntCounter>; CLASSES.len()];

/// What the label `status` says; first, that nothing was sent.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

const fn no_counts() -> ByClass {
    [const { OnceLock::new() }; CLASSES.len()]
}

fn class(status: u16) -> usize {
    usize::from(status / 100).min(CLASSES.len() - 1)
}

/// What routes count in, each by its label.
#[derive(Clone)]
pub(super) struct RouteFamilies {
    pub(super) requests: IntCounterVec,
    pub(super) durations: HistogramVec,
    pub(super) upstream: HistogramVec,
    pub(super) left_out: IntCounterVec,
    pub(super) repetitions: IntCounterVec,
    pub(super) in_flight: IntGauge,
    /// The labels of routes that are. The series of others end with the last that counts by them.
    pub(super) labels: Arc<Mutex<HashSet<Arc<str>>>>,
}

impl RouteMetrics {
    /// `allowed` is shown before it counts.
    pub(super) fn new(label: &Arc<str>, families: &RouteFamilies) -> Self {
        // Held until the series are: those of the same label that end now must not end these.
        let mut labels = families.labels.lock();
        labels.insert(Arc::clone(label));
        let series = Series {
            allowed: no_counts(),
            durations: families.durations.with_label_values(&[label]),
            upstream: OnceLock::new(),
            denied: OnceLock::new(),
            failed: OnceLock::new(),
            left_out: OnceLock::new(),
            repetitions: [const { OnceLock::new() }; Repetition::ALL.len()],
            families: families.clone(),
            label: Arc::clone(label),
        };
        series.count(Outcome::Allowed, 200);
        Self {
            series: Arc::new(series),
        }
    }

    pub fn begin(&self) -> Counted {
        Counted::by(&self.series.families.in_flight)
    }

    /// `status` is what was sent, 0 where nothing was.
    pub fn finished(&self, outcome: Outcome, status: u16, duration: Duration) {
        self.series.count(outcome, status).inc();
        self.series.durations.observe(duration.as_secs_f64());
    }

    /// An upstream has answered, so long after it was asked.
    pub fn heard(&self, after: Duration) {
        let (families, label) = (&self.series.families, [&*self.series.label]);
        let upstream = &self.series.upstream;
        let upstream = upstream.get_or_init(|| families.upstream.with_label_values(&label));
        upstream.observe(after.as_secs_f64());
    }

    /// Header fields that did not go on beside our token.
    pub fn left_out(&self, fields: usize) {
        let (families, label) = (&self.series.families, [&*self.series.label]);
        let count = &self.series.left_out;
        let count = count.get_or_init(|| families.left_out.with_label_values(&label));
        count.inc_by(fields as u64);
    }

    /// What it has counted.
    pub(super) fn figures(&self) -> RouteFigures {
        let series = &self.series;
        let sum = |counts: &ByClass| {
            counts
                .iter()
                .filter_map(OnceLock::get)
                .map(IntCounter::get)
                .sum()
        };
        let of = |counts: &Counts, reason: Reason| {
            let counted = counts
                .get()
                .and_then(|counts| counts[reason as usize].get());
            counted.map_or(0, |counts| sum(counts))
        };
        let mut figures = RouteFigures {
            requests: sum(&series.allowed),
            upstream_errors: series.allowed[class(500)].get().map_or(0, IntCounter::get),
            ..RouteFigures::default()
        };
        for reason in Reason::ALL {
            let (denied, failed): (u64, u64) =
                (of(&series.denied, *reason), of(&series.failed, *reason));
            if denied + failed > 0 {
                figures.requests += denied + failed;
                figures.denied += denied;
                figures.failed += failed;
                figures.reasons.push((*reason, denied + failed));
            }
        }
        let durations = series.durations.metric();
        let buckets = durations.get_histogram().get_bucket().iter();
        figures.durations = buckets
            .map(|it| (it.upper_bound(), it.cumulative_count()))
            .collect();
        figures
    }

    pub fn repeated(&self, why: Repetition) {
        let (families, why) = (&self.series.families, why as usize);
        let labels = [&*self.series.label, Repetition::ALL[why]];
        let count = &self.series.repetitions[why];
        let count = count.get_or_init(|| families.repetitions.with_label_values(&labels));
        count.inc();
    }
}

impl Series {
    fn count(&self, outcome: Outcome, status: u16) -> &IntCounter {
        let by_class = match outcome {
            Outcome::Allowed => &self.allowed,
            Outcome::Denied(reason) => by_class(&self.denied, reason),
            Outcome::Failed(reason) => by_class(&self.failed, reason),
        };
        let class = class(status);
        by_class[class].get_or_init(|| {
            let reason = outcome.reason().unwrap_or_default();
            let labels = [&*self.label, outcome.word(), reason, CLASSES[class]];
            self.families.requests.with_label_values(&labels)
        })
    }
}

fn by_class(counts: &Counts, reason: Reason) -> &ByClass {
    let none = || Box::new([const { OnceLock::new() }; REASONS]);
    counts.get_or_init(none)[reason as usize].get_or_init(|| Box::new(no_counts()))
}

impl Drop for Series {
    fn drop(&mut self) {
        let labels = self.families.labels.lock();
        if labels.contains(&self.label) {
            return;
        }
        // What never counted is not there; nothing is to be done about it.
        let remove = |outcome: Outcome| {
            let reason = outcome.reason().unwrap_or_default();
            for class in CLASSES {
                let labels = [&*self.label, outcome.word(), reason, class];
                let _ = self.families.requests.remove_label_values(&labels);
            }
        };
        remove(Outcome::Allowed);
        for reason in Reason::ALL {
            remove(Outcome::Denied(*reason));
            remove(Outcome::Failed(*reason));
        }
        let label = [&*self.label];
        let _ = self.families.durations.remove_label_values(&label);
        let _ = self.families.upstream.remove_label_values(&label);
        let _ = self.families.left_out.remove_label_values(&label);
        for why in Repetition::ALL {
            let labels = [&*self.label, why];
            let _ = self.families.repetitions.remove_label_values(&labels);
        }
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

#[cfg(test)]
#[path = "route_metrics_tests.rs"]
mod tests;
