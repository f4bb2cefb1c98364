use std::sync::Arc;

use super::super::{Metrics, Samples};
use super::*;
use crate::clock::UnixTime;

/// What the page says of requests of the route `calc` that were allowed, by the class of their status.
fn allowed(metrics: &Metrics, class: &str) -> Option<u64> {
    let text = metrics.render(&Samples::default(), UnixTime::from_seconds(0));
    let labels = format!(r#"outcome="allowed",reason="",route="calc",status="{class}""#);
    let series = format!("bearergate_requests_total{{{labels}}} ");
    let count = text.lines().find_map(|line| line.strip_prefix(&series))?;
    count.parse().ok()
}

#[test]
fn a_route_that_allows_is_visible_before_its_first_request() {
    let metrics = Metrics::new();
    let _route = metrics.route(&Arc::from("calc"));
    assert_eq!(allowed(&metrics, "2xx"), Some(0));
    assert_eq!(allowed(&metrics, "5xx"), None);
}

#[test]
fn an_upstreams_errors_are_counted_apart_from_its_good_answers() {
    let metrics = Metrics::new();
    let route = metrics.route(&Arc::from("calc"));
    for status in [200, 204, 304, 404, 500, 503, 101, 0, 999] {
        route.finished(Outcome::Allowed, status, Duration::ZERO);
    }
    for (class, count) in CLASSES.into_iter().zip([1, 1, 2, 1, 1, 3]) {
        assert_eq!(allowed(&metrics, class), Some(count), "{class}");
    }
}
