//! What do the metrics say at the moment, as plain numbers? For the status page, which shows what a
//! scrape would find.

use std::collections::HashMap;
use std::sync::Arc;

use super::metrics::Metrics;
use super::{CAUSES, logging};
use crate::clock::UnixTime;
use crate::reason::Reason;

/// What a route has counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteFigures {
    /// That ended, whatever became of them.
    pub requests: u64,
    pub denied: u64,
    pub failed: u64,
    /// Of those that were served, what the upstream answered with 5xx.
    pub upstream_errors: u64,
    /// Why some were not served, each that there was.
    pub reasons: Vec<(Reason, u64)>,
    /// How many took no longer than so many seconds, in ascending order.
    pub durations: Vec<(f64, u64)>,
}

/// What a listener counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListenerFigures {
    pub open: u64,
    pub accepted: u64,
    /// Those that ended before a request could be decided, by their causes, each that there was.
    pub refused: Vec<(&'static str, u64)>,
    /// When the first of its certificates to end does.
    pub certificate: Option<UnixTime>,
}

/// What the process counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessFigures {
    pub in_flight: u64,
    pub panics: u64,
    pub access_lines_dropped: u64,
    pub process_lines_dropped: u64,
}

impl Metrics {
    /// Every label that counts requests.
    pub fn routes(&self) -> HashMap<Arc<str>, RouteFigures> {
        let routes = self.families.routes.lock().clone();
        let figures = routes.into_iter();
        figures
            .map(|(label, metrics)| (label, metrics.figures()))
            .collect()
    }

    pub fn listener(&self, name: &str) -> ListenerFigures {
        let families = &self.families;
        let refused = CAUSES.iter().map(|cause| {
            let count = families.refused.with_label_values(&[name, *cause]);
            (*cause, count.get())
        });
        let certificate = families
            .certificates
            .lock()
            .get(name)
            .and_then(|it| it.get());
        ListenerFigures {
            open: whole(families.connections.with_label_values(&[name]).get()),
            accepted: families.accepted.with_label_values(&[name]).get(),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
            certificate,
        }
    }

    pub fn process(&self) -> ProcessFigures {
        let families = &self.families;
        let log = families.access_log.get();
        ProcessFigures {
            in_flight: whole(families.by_route.in_flight.get()),
            panics: families.panics.get(),
            access_lines_dropped: log.map_or(0, super::AccessLog::dropped),
            process_lines_dropped: logging::dropped(),
        }
    }
}

impl RouteFigures {
    /// What came after `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let reasons = self.reasons.iter().filter_map(|(reason, count)| {
            let mut earlier = before.reasons.iter();
            let earlier = earlier.find(|(known, _)| known == reason);
            let more = count.saturating_sub(earlier.map_or(0, |(_, count)| *count));
            (more > 0).then_some((*reason, more))
        });
        let earlier = before.durations.iter().map(|(_, count)| *count);
        let earlier = earlier.chain(std::iter::repeat(0));
        let durations = self.durations.iter().zip(earlier);
        Self {
            requests: self.requests.saturating_sub(before.requests),
            denied: self.denied.saturating_sub(before.denied),
            failed: self.failed.saturating_sub(before.failed),
            upstream_errors: self.upstream_errors.saturating_sub(before.upstream_errors),
            reasons: reasons.collect(),
            durations: durations
                .map(|((most, count), earlier)| (*most, count.saturating_sub(earlier)))
                .collect(),
        }
    }

    /// How many seconds so large a share of the requests took at most, as `histogram_quantile` of
    /// Prometheus has it; `None` without requests. Those beyond the last bound count as that.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.requests as f64;
        let (mut least, mut below) = (0.0, 0);
        for (most, count) in &self.durations {
            if *count > 0 && *count as f64 >= rank {
                let within = (count - below) as f64;
                let part = if within > 0.0 {
                    (rank - below as f64) / within
                } else {
                    1.0
                };
                return Some(least + (most - least) * part);
            }
            (least, below) = (*most, *count);
        }
        (self.requests > 0).then_some(least)
    }
}

/// A gauge that something else counts down may be below nothing for a moment.
fn whole(gauge: i64) -> u64 {
    u64::try_from(gauge).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(requests: u64, durations: &[(f64, u64)]) -> RouteFigures {
        RouteFigures {
            requests,
            durations: durations.to_vec(),
            ..RouteFigures::default()
        }
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let figures = of(100, &[(0.1, 50), (0.2, 90), (0.4, 90)]);
        for (share, seconds) in [
            (0.25, 0.05),
            (0.5, 0.1),
            (0.7, 0.15),
            (0.9, 0.2),
            (0.99, 0.4),
        ] {
            let found = figures.quantile(share).unwrap();
            assert!((found - seconds).abs() < 1e-9, "{share}: {found}");
        }
        assert_eq!(of(0, &[(0.1, 0), (0.2, 0)]).quantile(0.5), None);
        assert_eq!(of(1, &[(0.0, 0), (0.5, 1)]).quantile(0.5), Some(0.25));
    }

    #[test]
    fn what_came_after_is_never_less_than_nothing() {
        let (more, less) = (of(5, &[(0.1, 5)]), of(7, &[(0.1, 6), (0.2, 7)]));
        assert_eq!(more.since(&less), of(0, &[(0.1, 0)]));
        assert_eq!(less.since(&more), of(2, &[(0.1, 1), (0.2, 7)]));
    }
}
