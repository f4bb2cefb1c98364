//! How has each route fared in the last minute? The counters that requests increment anyway, looked at
//! every ten seconds: what lies between two looks is a rate, and costs no request anything.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Metrics, RouteFigures};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(10);
/// So many looks back lies the minute's beginning.
const LOOKS: usize = 6;

pub struct Rates {
    metrics: Metrics,
    /// From the oldest to the newest.
    looks: Mutex<VecDeque<Look>>,
}

/// All routes by their labels.
type Routes = HashMap<Arc<str>, RouteFigures>;

struct Look {
    at: Instant,
    routes: Routes,
}

/// What a route counted since the process began, and lately.
#[derive(Clone, Debug)]
pub struct RouteRate {
    /// The route's id, or one of the labels that stand for many.
    pub label: Arc<str>,
    pub whole: RouteFigures,
    /// Within `window`.
    pub lately: RouteFigures,
    pub window: Duration,
}

impl Rates {
    /// Looks by itself, for as long as somebody has it. Needs a tokio runtime.
    pub fn start(metrics: Metrics) -> Arc<Self> {
        let rates = Arc::new(Self::new(metrics));
        rates.look(Instant::now());
        let weak = Arc::downgrade(&rates);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                match weak.upgrade() {
                    Some(rates) => rates.look(Instant::now()),
                    None => return,
                }
            }
        });
        rates
    }

    /// Looks when it is told to.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            looks: Mutex::default(),
        }
    }

    fn look(&self, now: Instant) {
        let look = Look {
            at: now,
            routes: self.metrics.routes(),
        };
        let mut looks = self.looks.lock();
        looks.push_back(look);
        if looks.len() > LOOKS {
            looks.pop_front();
        }
    }

    /// Every route that counts, by its label.
    pub fn report(&self, now: Instant) -> Vec<RouteRate> {
        let routes = self.metrics.routes();
        let looks = self.looks.lock();
        let first = looks.front();
        let window = first.map_or(Duration::ZERO, |look| now.duration_since(look.at));
        let rate = |(label, whole): (Arc<str>, RouteFigures)| RouteRate {
            // A route that is new counts from nothing.
            lately: match first.and_then(|look| look.routes.get(&label)) {
                Some(before) => whole.since(before),
                None => whole.clone(),
            },
            label,
            whole,
            window,
        };
        let mut rates: Vec<_> = routes.into_iter().map(rate).collect();
        rates.sort_by(|one, other| one.label.cmp(&other.label));
        rates
    }
}

impl RouteRate {
    /// Requests that ended, each second.
    pub fn per_second(&self) -> f64 {
        match self.window.as_secs_f64() {
            0.0 => 0.0,
            seconds => self.lately.requests as f64 / seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;
    use crate::telemetry::Outcome;

    #[test]
    fn what_lies_between_two_looks_is_a_rate() {
        let metrics = Metrics::new();
        let rates = Rates::new(metrics.clone());
        let route = metrics.route(&"calc".into());
        let fast = Duration::from_millis(3);
        route.finished(Outcome::Allowed, 200, fast);
        let begin = Instant::now();
        for look in 0..10_u32 {
            rates.look(begin + EVERY * look);
            for _ in 0..10 {
                route.finished(Outcome::Allowed, 200, fast);
            }
            route.finished(Outcome::Denied(Reason::RoleMissing), 403, fast);
        }
        let report = rates.report(begin + EVERY * 10);
        let calc = report.iter().find(|it| &*it.label == "calc").unwrap();
        assert_eq!(calc.window, Duration::from_secs(60));
        assert_eq!((calc.whole.requests, calc.lately.requests), (111, 66));
        assert!((calc.per_second() - 1.1).abs() < 1e-9);
        assert_eq!(calc.lately.denied, 6);
        assert_eq!(calc.lately.reasons, [(Reason::RoleMissing, 6)]);
        let median = calc.lately.quantile(0.5).unwrap();
        assert!((0.0025..=0.005).contains(&median), "{median}");
    }

    #[test]
    fn before_the_first_look_there_is_no_rate_and_no_division_by_nothing() {
        let metrics = Metrics::new();
        let rates = Rates::new(metrics.clone());
        let begin = Instant::now();
        rates.look(begin);
        metrics
            .route(&"new".into())
            .finished(Outcome::Allowed, 200, Duration::ZERO);
        let report = rates.report(begin);
        let new = report.iter().find(|it| &*it.label == "new").unwrap();
        assert!(new.per_second() == 0.0 && new.lately.requests == 1);
    }
}
