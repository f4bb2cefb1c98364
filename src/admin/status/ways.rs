//! How do routes fare, and where they go? Those in trouble first, for nobody reads further at night.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::report::{At, MOST};
use crate::admission::Plan;
use crate::outbound::{Condition, Endpoint, TokenDefinition};
use crate::routing::RouteDefinition;
use crate::telemetry::{Rates, RouteFigures, RouteRate};

/// Routes that are named of an endpoint.
const MOST_NAMED: usize = 8;

#[derive(Debug, Serialize)]
pub(super) struct RouteReport {
    /// `none`: what found no route. `other`: all routes past the 200th.
    pub(super) id: String,
    /// As the file writes it; absent where the line stands for more than one route.
    pub(super) path: Option<String>,
    pub(super) upstream: Option<String>,
    /// Whose token it carries: `nothing`, `forward`, or an identity's name.
    pub(super) token: Option<String>,
    pub(super) whole: Counts,
    pub(super) lately: Counts,
    /// What `lately` means.
    pub(super) window_seconds: f64,
    pub(super) requests_per_second: f64,
    /// Of the requests lately, in milliseconds; absent without any.
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) reasons: Vec<ReasonCount>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) denied: u64,
    pub(super) failed: u64,
    /// That were served, and answered by the upstream with 5xx.
    pub(super) upstream_errors: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct ReasonCount {
    pub(super) reason: &'static str,
    pub(super) whole: u64,
    pub(super) lately: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct UpstreamReport {
    /// Scheme, host and port.
    pub(super) origin: String,
    /// `well`, `resting`, `unwell`.
    pub(super) condition: &'static str,
    /// That are there now, where an upstream has several endpoints.
    pub(super) requests: usize,
    /// That its name leads to; `None` where it is no name.
    pub(super) addresses: Option<usize>,
    /// When the certificate ends that it is shown; `None` where it is shown none.
    pub(super) certificate_ends_at: Option<At>,
    /// The first few of those that go there.
    pub(super) routes: Vec<String>,
}

impl Counts {
    /// What is not the callers' doing.
    pub(super) fn trouble(self) -> u64 {
        self.failed + self.upstream_errors
    }
}

/// The first so many, and how many are left out.
pub(super) fn routes(plan: &Plan, rates: &Rates, now: Instant) -> (Vec<RouteReport>, usize) {
    let routes = plan.routes.routes().iter();
    let defined: HashMap<&str, &RouteDefinition> = routes
        .map(|route| (&*route.definition.id, &route.definition))
        .collect();
    let rates = rates.report(now).into_iter();
    let report = |rate: RouteRate| {
        let definition = defined.get(&*rate.label).copied();
        RouteReport::of(&rate, definition)
    };
    let mut reports: Vec<_> = rates.map(report).collect();
    // What never happened is no line: that nothing found no route is well.
    reports.retain(|it| it.path.is_some() || it.whole.requests > 0);
    reports.sort_by(|one, other| {
        let worse = other.lately.trouble().cmp(&one.lately.trouble());
        let busier = other.lately.requests.cmp(&one.lately.requests);
        worse.then(busier).then_with(|| one.id.cmp(&other.id))
    });
    shortened(reports)
}

pub(super) fn upstreams(plan: &Plan) -> (Vec<UpstreamReport>, usize) {
    let mut known: HashMap<*const Endpoint, UpstreamReport> = HashMap::new();
    for route in plan.routes.routes() {
        for endpoint in route.upstream.endpoints() {
            let entry = known.entry(Arc::as_ptr(endpoint));
            let report = entry.or_insert_with(|| UpstreamReport::of(endpoint));
            if report.routes.len() < MOST_NAMED {
                report.routes.push(route.definition.id.to_string());
            }
        }
    }
    let mut reports: Vec<_> = known.into_values().collect();
    let is_well = |it: &UpstreamReport| it.condition == Condition::Well.word();
    reports.sort_by(|one, other| {
        let worse = is_well(one).cmp(&is_well(other));
        worse.then_with(|| (&one.origin, &one.routes).cmp(&(&other.origin, &other.routes)))
    });
    shortened(reports)
}

fn shortened<T>(mut reports: Vec<T>) -> (Vec<T>, usize) {
    let more = reports.len().saturating_sub(MOST);
    reports.truncate(MOST);
    (reports, more)
}

impl RouteReport {
    fn of(rate: &RouteRate, definition: Option<&RouteDefinition>) -> Self {
        let lately = &rate.lately;
        let milliseconds = |share| lately.quantile(share).map(|seconds| seconds * 1000.0);
        let reasons = rate.whole.reasons.iter().map(|(reason, whole)| {
            let mut recent = lately.reasons.iter();
            let recent = recent.find(|(known, _)| known == reason);
            ReasonCount {
                reason: reason.word(),
                whole: *whole,
                lately: recent.map_or(0, |(_, count)| *count),
            }
        });
        let mut reasons: Vec<_> = reasons.collect();
        reasons.sort_by_key(|it| std::cmp::Reverse((it.lately, it.whole)));
        Self {
            id: rate.label.to_string(),
            path: definition.map(|it| it.path.as_str().to_owned()),
            upstream: definition.map(|it| it.upstream.origins()),
            token: definition.map(|it| token(&it.token)),
            whole: counts(&rate.whole),
            lately: counts(lately),
            window_seconds: rate.window.as_secs_f64(),
            requests_per_second: rate.per_second(),
            p50_ms: milliseconds(0.5),
            p95_ms: milliseconds(0.95),
            p99_ms: milliseconds(0.99),
            reasons,
        }
    }
}

fn token(token: &TokenDefinition) -> String {
    match (token, token.identity()) {
        (TokenDefinition::Forward, _) => "forward".to_owned(),
        (_, Some(identity)) => identity.to_string(),
        (_, None) => "nothing".to_owned(),
    }
}

fn counts(figures: &RouteFigures) -> Counts {
    Counts {
        requests: figures.requests,
        denied: figures.denied,
        failed: figures.failed,
        upstream_errors: figures.upstream_errors,
    }
}

impl UpstreamReport {
    fn of(endpoint: &Endpoint) -> Self {
        Self {
            origin: endpoint.origin().to_owned(),
            condition: endpoint.condition().word(),
            requests: endpoint.requests(),
            addresses: endpoint.resolved(),
            certificate_ends_at: endpoint.certificate_ends_at().map(At),
            routes: Vec::new(),
        }
    }
}
