use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::reason::Reason;
use crate::telemetry::{AccessLog, LogFormat, NAMES, Outcome, Refused, Repetition};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

/// The exposition text, read as a scraper would.
#[derive(Default)]
struct Page {
    help: BTreeMap<String, String>,
    kind: BTreeMap<String, String>,
    /// `name{labels}` as written, and the value.
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(
                    page.help.insert(name.into(), help.into()).is_none(),
                    "{name} twice"
                );
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                page.kind.insert(name.into(), kind.into());
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let known = page.samples.insert(series.into(), value.parse().unwrap());
                assert!(known.is_none(), "{series} twice");
            }
        }
        page
    }
    fn of(metrics: &Metrics) -> Self {
        Self::read(&metrics.render(&Samples::default(), NOW))
    }

    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        *self
            .samples
            .get(series)
            .unwrap_or_else(|| panic!("{series} is not among {:#?}", self.samples.keys()))
    }
}

fn id(text: &str) -> Arc<str> {
    Arc::from(text)
}

#[test]
fn every_metric_is_in_the_list_with_its_kind_and_help_and_no_other_is() {
    let metrics = Metrics::new();
    let route = metrics.route(&id("a"));
    route.finished(Outcome::Allowed, 200, Duration::ZERO);
    route.heard(Duration::ZERO);
    route.left_out(1);
    route.repeated(Repetition::Stale);
    metrics.edge("apis").refused(Refused::Limit);
    metrics.edge("apis").asked(http::Version::HTTP_2);
    metrics.edge("apis").certificate_ends(Some(NOW));
    let log = AccessLog::to_writer(Box::new(std::io::sink()), LogFormat::Json);
    metrics.watch_access_log(&log);
    metrics.watch_buckets(|| BucketFigures {
        kept: 1,
        forgotten: 2,
        told: 3,
        untold: 4,
    });
    metrics.spans().sent(1);
    let text = metrics.render(&samples::tests::one_of_each(), NOW);
    let page = Page::read(&text);
    let shown: BTreeSet<(&str, &str, &str)> = page
        .help
        .iter()
        .map(|(name, help)| (name.as_str(), page.kind[name].as_str(), help.as_str()))
        .collect();
    assert_eq!(shown, NAMES.iter().copied().collect());
    assert_eq!(shown.len(), NAMES.len());
}

#[test]
fn a_request_counts_once_by_route_outcome_and_reason() {
    let metrics = Metrics::new();
    let route = metrics.route(&id("calc"));
    for _ in 0..3 {
        route.finished(Outcome::Allowed, 200, Duration::from_millis(2));
    }
    route.finished(
        Outcome::Denied(Reason::RoleMissing),
        403,
        Duration::from_millis(700),
    );
    route.finished(Outcome::Denied(Reason::BadSignature), 403, Duration::ZERO);
    route.finished(Outcome::Denied(Reason::RoleMissing), 403, Duration::ZERO);
    metrics
        .unrouted()
        .finished(Outcome::Denied(Reason::NoRoute), 403, Duration::ZERO);

    let page = Page::of(&metrics);
    let requests = |route: &str, outcome: &str, reason: &str| {
        let class = if reason.is_empty() { "2xx" } else { "4xx" };
        page.value(&format!(
            "bearergate_requests_total{{outcome=\"{outcome}\",reason=\"{reason}\",route=\"{route}\",status=\"{class}\"}}"
        ))
    };
    assert_eq!(requests("calc", "allowed", ""), 3.0);
    assert_eq!(requests("calc", "denied", "role_missing"), 2.0);
    assert_eq!(requests("calc", "denied", "bad_signature"), 1.0);
    assert_eq!(requests("none", "denied", "no_route"), 1.0);

    let durations = |what: &str| page.value(&format!("bearergate_request_duration_seconds{what}"));
    assert_eq!(durations("_count{route=\"calc\"}"), 6.0);
    assert_eq!(durations("_bucket{route=\"calc\",le=\"0.0025\"}"), 5.0);
    assert_eq!(durations("_bucket{route=\"calc\",le=\"1\"}"), 6.0);
}

#[test]
fn every_outcome_and_reason_has_a_series_of_its_own_and_only_what_counted_is_shown() {
    let metrics = Metrics::new();
    let route = metrics.route(&id("calc"));
    let denied = Reason::ALL.iter().map(|reason| Outcome::Denied(*reason));
    let failed = Reason::ALL.iter().map(|reason| Outcome::Failed(*reason));
    let all: Vec<Outcome> = denied.chain(failed).chain([Outcome::Allowed]).collect();
    for (place, outcome) in all.iter().enumerate() {
        let shown = |page: &Page| {
            let all = page.samples.iter();
            all.filter(|(series, _)| series.starts_with("bearergate_requests_total"))
                .map(|(_, count)| *count)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&Page::of(&metrics)).len(),
            place + 1,
            "allowed is shown from the start"
        );
        route.finished(*outcome, status_of(*outcome), Duration::ZERO);
        assert_eq!(
            shown(&Page::of(&metrics)).iter().sum::<f64>(),
            (place + 1) as f64
        );
    }
}

fn status_of(outcome: Outcome) -> u16 {
    200 + 203 * u16::from(outcome != Outcome::Allowed)
}

#[test]
fn routes_past_the_two_hundredth_share_a_label_and_known_ones_keep_theirs() {
    let metrics = Metrics::new();
    for number in 0..ROUTE_LABELS + 50 {
        let route = metrics.route(&id(&format!("route-{number}")));
        route.finished(Outcome::Allowed, 200, Duration::ZERO);
    }
    metrics
        .unrouted()
        .finished(Outcome::Denied(Reason::NoRoute), 403, Duration::ZERO);
    // As after a reload: asked for again, the first one is still itself.
    metrics
        .route(&id("route-0"))
        .finished(Outcome::Allowed, 200, Duration::ZERO);

    let page = Page::of(&metrics);
    let allowed = |route: &str| {
        page.value(&format!(
            "bearergate_requests_total{{outcome=\"allowed\",reason=\"\",route=\"{route}\",status=\"2xx\"}}"
        ))
    };
    assert_eq!(allowed("route-0"), 2.0);
    assert_eq!(allowed("route-199"), 1.0);
    assert_eq!(allowed("other"), 50.0);
    let labels = page
        .samples
        .keys()
        .filter(|series| {
            series.starts_with("bearergate_requests_total") && series.contains("allowed")
        })
        .count();
    assert_eq!(labels, ROUTE_LABELS + 2, "200 routes, other, none");
}

#[test]
fn the_series_of_a_route_that_is_no_more_end_with_the_last_request_that_counts_by_them() {
    let metrics = Metrics::new();
    let (kept, gone) = (metrics.route(&id("kept")), metrics.route(&id("gone")));
    let outcomes = [
        Outcome::Allowed,
        Outcome::Denied(Reason::RoleMissing),
        Outcome::Failed(Reason::UpstreamTimeout),
    ];
    for outcome in outcomes {
        for route in [&kept, &gone] {
            route.finished(outcome, status_of(outcome), Duration::ZERO);
            route.left_out(1);
        }
    }
    let of = |label: &str| {
        let page = Page::of(&metrics);
        let label = format!("route=\"{label}\"");
        page.samples.keys().filter(|it| it.contains(&label)).count()
    };
    let all = of("kept");
    assert_eq!(of("gone"), all);

    metrics.keep_routes(&HashSet::from(["kept"]));
    assert_eq!(of("gone"), all, "a request is under way");
    // Another one of this name comes before it ends: they count as one.
    let again = metrics.route(&id("gone"));
    again.finished(Outcome::Allowed, 200, Duration::ZERO);
    drop(gone);
    assert_eq!(of("gone"), all);

    metrics.keep_routes(&HashSet::from(["kept"]));
    drop(again);
    assert_eq!((of("gone"), of("kept")), (0, all));

    let labels = (0..3 * ROUTE_LABELS).map(|number| format!("route-{number}"));
    for label in labels {
        metrics.route(&id(&label));
        metrics.keep_routes(&HashSet::from(["kept", &*label]));
        assert!(of(&label) > 0, "{label} has a label of its own");
    }
}

#[test]
fn a_route_cannot_take_a_reserved_label() {
    let metrics = Metrics::new();
    metrics
        .route(&id("none"))
        .finished(Outcome::Allowed, 200, Duration::ZERO);
    metrics
        .unrouted()
        .finished(Outcome::Denied(Reason::NoRoute), 403, Duration::ZERO);
    let page = Page::of(&metrics);
    let series = |route: &str| {
        format!(
            "bearergate_requests_total{{outcome=\"allowed\",reason=\"\",route=\"{route}\",status=\"2xx\"}}"
        )
    };
    assert_eq!(page.value(&series("none")), 0.0);
    assert_eq!(page.value(&series("other")), 1.0);
}

#[test]
fn what_is_in_flight_goes_down_again_also_in_a_panic() {
    let metrics = Metrics::new();
    let route = metrics.route(&id("calc"));
    let held = route.begin();
    let panicking = route.clone();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = panicking.begin();
        panic!("as a bug would");
    }))
    .unwrap_err();
    assert_eq!(
        Page::of(&metrics).value("bearergate_requests_in_flight"),
        1.0
    );
    drop(held);
    assert_eq!(
        Page::of(&metrics).value("bearergate_requests_in_flight"),
        0.0
    );
}

#[test]
fn a_listener_counts_its_connections_and_every_cause() {
    let metrics = Metrics::new();
    let edge = metrics.edge("apis");
    let first = edge.accepted();
    let second = edge.accepted();
    drop(first);
    let causes = [
        (Refused::Limit, "limit"),
        (Refused::Parser, "parser"),
        (Refused::HeaderTimeout, "header_timeout"),
        (Refused::HeaderTooLarge, "header_too_large"),
        (Refused::Tls, "tls"),
        (Refused::Panic, "panic"),
    ];
    for (times, (cause, _)) in causes.into_iter().enumerate() {
        (0..=times).for_each(|_| edge.refused(cause));
    }
    let page = Page::of(&metrics);
    assert_eq!(page.value("bearergate_connections{listener=\"apis\"}"), 1.0);
    assert_eq!(
        page.value("bearergate_connections_total{listener=\"apis\"}"),
        2.0
    );
    for (times, (_, word)) in causes.into_iter().enumerate() {
        let series =
            format!("bearergate_connections_refused_total{{cause=\"{word}\",listener=\"apis\"}}");
        assert_eq!(page.value(&series), (times + 1) as f64, "{series}");
    }
    drop(second);
}

#[test]
fn the_version_and_panics_are_shown() {
    let metrics = Metrics::new();
    metrics.panicked();
    let page = Page::of(&metrics);
    let version = env!("CARGO_PKG_VERSION");
    let build = format!("bearergate_build_info{{version=\"{version}\"}}");
    assert_eq!(page.value(&build), 1.0);
    assert_eq!(page.value("bearergate_panics_total"), 1.0);
}
