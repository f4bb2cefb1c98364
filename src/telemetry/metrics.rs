//! The process's metrics. Handles are resolved once; labels never hold a tenant, subject or path.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};

use super::access_line::spoken;
use super::edge_metrics::CertificateEnd;
use super::names::{counter, gauge, opts, register};
use super::route_metrics::RouteFamilies;
use super::{
    AccessLog, EdgeMetrics, RouteMetrics, Samples, SpanMetrics, logging, milliseconds, names,
    process, samples,
};
use crate::clock::UnixTime;

const ROUTE_LABELS: usize = 200;
const OTHER: &str = "other";
const UNROUTED: &str = "none";

/// Upper bounds in seconds: from a cached verdict on loopback to the longest mail upload.
const DURATION_BUCKETS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

type LookAtBuckets = Box<dyn Fn() -> BucketFigures + Send + Sync>;

/// How much limits count.
#[derive(Clone, Copy, Debug)]
pub struct BucketFigures {
    pub kept: usize,
    /// Since the start, and so are the others.
    pub forgotten: u64,
    /// How often what one has spent was told to other replicas, and how often it could not be.
    pub told: u64,
    pub untold: u64,
}

#[derive(Clone)]
pub struct Metrics {
    pub(super) families: Arc<Families>,
}

pub(super) struct Families {
    registry: Registry,
    pub(super) by_route: RouteFamilies,
    pub(super) connections: IntGaugeVec,
    pub(super) accepted: IntCounterVec,
    pub(super) refused: IntCounterVec,
    asked: IntCounterVec,
    pub(super) panics: IntCounter,
    spans: IntCounterVec,
    reloads: IntCounterVec,
    stale: IntGauge,
    loaded: IntGauge,
    ready: IntGauge,
    /// In milliseconds since the epoch.
    started: u64,
    pub(super) routes: Mutex<HashMap<Arc<str>, RouteMetrics>>,
    pub(super) access_log: OnceLock<AccessLog>,
    buckets: OnceLock<LookAtBuckets>,
    /// By listener.
    pub(super) certificates: Mutex<BTreeMap<String, CertificateEnd>>,
}

impl Metrics {
    pub fn new() -> Self {
        let registry = Registry::new();
        let durations = |(name, _, help)| {
            let opts = HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec());
            HistogramVec::new(opts, &["route"])
        };
        let build = gauge(&registry, names::BUILD, &["version"]);
        let labels = &["route", "outcome", "reason", "status"];
        let families = Families {
            by_route: RouteFamilies {
                requests: counter(&registry, names::REQUESTS, labels),
                durations: register(&registry, durations(names::DURATION)),
                upstream: register(&registry, durations(names::UPSTREAM_DURATION)),
                left_out: counter(&registry, names::LEFT_OUT, &["route"]),
                repetitions: counter(&registry, names::REPETITIONS, &["route", "cause"]),
                in_flight: register(&registry, IntGauge::with_opts(opts(names::IN_FLIGHT))),
                labels: Arc::default(),
            },
            connections: gauge(&registry, names::CONNECTIONS, &["listener"]),
            accepted: counter(&registry, names::CONNECTIONS_TOTAL, &["listener"]),
            refused: counter(&registry, names::REFUSED, &["listener", "cause"]),
            asked: counter(
                &registry,
                names::LISTENER_REQUESTS,
                &["listener", "protocol"],
            ),
            panics: register(&registry, IntCounter::with_opts(opts(names::PANICS))),
            spans: counter(&registry, names::SPANS, &["outcome"]),
            reloads: counter(&registry, names::RELOADS, &["outcome"]),
            stale: register(&registry, IntGauge::with_opts(opts(names::STALE))),
            loaded: register(&registry, IntGauge::with_opts(opts(names::LOADED))),
            ready: register(&registry, IntGauge::with_opts(opts(names::READY))),
            started: milliseconds(),
            routes: Mutex::default(),
            access_log: OnceLock::new(),
            buckets: OnceLock::new(),
            certificates: Mutex::default(),
            registry,
        };
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for outcome in ["success", "failure"] {
            families.reloads.with_label_values(&[outcome]);
        }
        Self {
            families: Arc::new(families),
        }
    }

    /// The handles of a route, the same ones each time it is asked for; routes past the 200th
    /// share the label `other`.
    pub fn route(&self, id: &Arc<str>) -> RouteMetrics {
        // A route that bears the name of one of our own labels must not be taken for it.
        self.labelled(if is_reserved(id) { OTHER } else { id })
    }

    /// Ends the series of all routes but these, each once nobody counts by it any more.
    pub fn keep_routes(&self, ids: &HashSet<&str>) {
        let is_kept = |label: &str| is_reserved(label) || ids.contains(label);
        let mut routes = self.families.routes.lock();
        let gone: Vec<_> = routes.extract_if(|label, _| !is_kept(label)).collect();
        let mut labels = self.families.by_route.labels.lock();
        labels.retain(|label| is_kept(label));
        drop((labels, routes));
        // Its end looks at the labels itself.
        drop(gone);
    }

    pub fn unrouted(&self) -> RouteMetrics {
        self.labelled(UNROUTED)
    }

    pub fn edge(&self, listener: &str) -> EdgeMetrics {
        let families = &self.families;
        let mut certificates = families.certificates.lock();
        let certificate = certificates.entry(listener.to_owned()).or_default();
        EdgeMetrics::new(
            families.connections.with_label_values(&[listener]),
            families.accepted.with_label_values(&[listener]),
            |cause| families.refused.with_label_values(&[listener, cause]),
            |version| {
                families
                    .asked
                    .with_label_values(&[listener, spoken(version)])
            },
            certificate.clone(),
        )
    }

    /// Counted from then on.
    pub fn spans(&self) -> SpanMetrics {
        SpanMetrics::new(&self.families.spans)
    }

    pub fn panicked(&self) {
        self.families.panics.inc();
    }

    /// Counts a configuration that was read while running, and whether it was taken over.
    pub fn reloaded(&self, taken_over: bool) {
        let outcome = match taken_over {
            true => "success",
            false => "failure",
        };
        let reloads = &self.families.reloads;
        reloads.with_label_values(&[outcome]).inc();
        self.families.stale.set((!taken_over).into());
    }

    /// Another configuration is in force from now on.
    pub fn loaded(&self, now: UnixTime) {
        let seconds = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
        self.families.loaded.set(seconds);
    }

    /// Whether traffic may come.
    pub fn ready(&self, is_ready: bool) {
        self.families.ready.set(is_ready.into());
    }

    /// What was taken over is not what the file says by now.
    pub fn stale(&self) {
        self.families.stale.set(1);
    }

    /// Shows how many lines this access log has lost. The first one given stays.
    pub fn watch_access_log(&self, log: &AccessLog) {
        let _ = self.families.access_log.set(log.clone());
    }

    /// Shows how much limits count. The first one given stays.
    pub fn watch_buckets(&self, look: impl Fn() -> BucketFigures + Send + Sync + 'static) {
        let _ = self.families.buckets.set(Box::new(look));
    }

    /// The exposition text (Prometheus format 0.0.4).
    pub fn render(&self, of_plan: &Samples, now: UnixTime) -> String {
        let mut families = self.families.registry.gather();
        let sampled = Registry::new();
        samples::key_sets(&sampled, &of_plan.key_sets, now);
        samples::tokens(&sampled, &of_plan.tokens, now);
        samples::credentials(&sampled, &of_plan.tokens, now);
        samples::user_tokens(&sampled, &of_plan.user_tokens);
        samples::endpoints(&sampled, &of_plan.endpoints);
        samples::circuits(&sampled, &of_plan.circuits);
        samples::stores(&sampled, &of_plan.stores);
        samples::upstream_certificates(&sampled, &of_plan.upstream_certificates, now);
        process::sample(&sampled, self.families.started);
        let certificates = self.families.certificates.lock();
        let ends = certificates.iter();
        let ends = ends.filter_map(|(listener, end)| Some((listener.as_str(), end.get()?)));
        samples::listener_certificates(&sampled, ends, now);
        drop(certificates);
        if let Some(log) = self.families.access_log.get() {
            register(&sampled, IntCounter::with_opts(opts(names::LINES_DROPPED)))
                .inc_by(log.dropped());
        }
        let lost = IntCounter::with_opts(opts(names::PROCESS_LINES_DROPPED));
        register(&sampled, lost).inc_by(logging::dropped());
        if let Some(look) = self.families.buckets.get() {
            samples::buckets(&sampled, look());
        }
        families.extend(sampled.gather());
        TextEncoder::new()
            .encode_to_string(&families)
            .unwrap_or_else(|why| {
                tracing::error!(%why, "metrics cannot be rendered");
                String::new()
            })
    }

    fn labelled(&self, label: &str) -> RouteMetrics {
        let mut routes = self.families.routes.lock();
        if let Some(known) = routes.get(label) {
            return known.clone();
        }
        let own = routes.keys().filter(|known| !is_reserved(known)).count();
        if !is_reserved(label) && own >= ROUTE_LABELS {
            drop(routes);
            return self.labelled(OTHER);
        }
        let label: Arc<str> = Arc::from(label);
        let made = RouteMetrics::new(&label, &self.families.by_route);
        routes.insert(label, made.clone());
        made
    }
}

fn is_reserved(label: &str) -> bool {
    [OTHER, UNROUTED].contains(&label)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
