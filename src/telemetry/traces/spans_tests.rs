//! What spans tell, and how they hang together.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;

use super::super::Tracer;
use super::super::tracer::tests::definition;
use super::*;
use crate::reason::Reason;
use crate::telemetry::access_line::sample;
use crate::telemetry::{Metrics, Severity};

fn spans(ask: bool, line: &AccessLine<'_>, outcome: Outcome, waits: &[Wait]) -> Vec<Span> {
    let (tracer, mut spans) = Tracer::new(&definition(100), &Metrics::new().spans());
    let mut trace = tracer.begin(&HeaderMap::new(), false);
    if ask {
        trace.asks();
    }
    trace.end(&Told {
        line,
        outcome,
        template: Some("/orders/{id}"),
        host: Some("api.example"),
        is_encrypted: true,
        waits,
    });
    spans.try_recv().unwrap()
}

fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let shown = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = span.attributes.iter();
    pairs
        .map(|it| (it.key.as_str(), shown(it.value.as_ref().unwrap())))
        .collect()
}

#[test]
fn a_request_is_two_spans_that_hang_together() {
    let line = AccessLine {
        principal: Some("app:7"),
        route: Some("orders"),
        protocol: Some(Version::HTTP_2),
        path: "/orders/7",
        upstream: Some("https://orders.internal:8443"),
        heard: Some((404, Duration::from_millis(2))),
        status: 404,
        duration: Duration::from_millis(5),
        ..sample()
    };
    let [asked, asking] = &spans(true, &line, Outcome::Allowed, &[])[..] else {
        panic!("not two");
    };
    assert_eq!(
        (asked.name.as_str(), asking.name.as_str()),
        ("GET /orders/{id}", "GET")
    );
    assert_eq!(asked.kind, SpanKind::Server as i32);
    assert_eq!(asking.kind, SpanKind::Client as i32);
    assert_eq!(asking.parent_span_id, asked.span_id);
    assert_eq!(
        (asking.trace_id.len(), &asking.trace_id),
        (16, &asked.trace_id)
    );
    assert_eq!(
        asked.end_time_unix_nano - asked.start_time_unix_nano,
        5_000_000
    );
    assert_eq!(asking.end_time_unix_nano, asked.end_time_unix_nano);
    assert!(asking.start_time_unix_nano >= asked.start_time_unix_nano);
    // A caller's mistake is the asker's fault, and not the asked one's.
    assert_eq!(asked.status, None);
    assert_eq!(asking.status, Some(failed("")));
    let (asked, asking) = (attributes(asked), attributes(asking));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "404"),
        ("http.route", "/orders/{id}"),
        ("network.protocol.version", "2"),
        ("server.address", "api.example"),
        ("url.path", "/orders/7"),
        ("url.scheme", "https"),
        ("bearergate.outcome", "allowed"),
        ("bearergate.principal", "app:7"),
        ("bearergate.route", "orders"),
    ] {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(asking["server.address"], "orders.internal");
    assert_eq!(asking["http.response.status_code"], "404");
}

#[test]
fn a_denial_is_one_span_and_a_failure_says_so() {
    let line = AccessLine {
        status: 403,
        reason: Some("role_missing"),
        ..sample()
    };
    let outcome = Outcome::Denied(Reason::RoleMissing);
    let [denied] = &spans(false, &line, outcome, &[])[..] else {
        panic!("not one");
    };
    assert_eq!(denied.status, None);
    let told = attributes(denied);
    assert_eq!(told["bearergate.outcome"], "denied");
    assert_eq!(told["bearergate.reason"], "role_missing");
    let line = AccessLine {
        status: 502,
        severity: Severity::Failed,
        reason: Some("upstream_unreachable"),
        ..sample()
    };
    let outcome = Outcome::Failed(Reason::UpstreamUnreachable);
    let spans = spans(true, &line, outcome, &[]);
    for span in &spans {
        assert_eq!(span.status.as_ref().unwrap().code, StatusCode::Error as i32);
        assert_eq!(attributes(span)["error.type"], "upstream_unreachable");
    }
    assert_eq!(spans.len(), 2);
}

#[test]
fn what_was_waited_for_is_a_span_between() {
    let began = Instant::now();
    let wait = Wait {
        what: "acquire token",
        whose: Some(("bearergate.identity", "mail".to_owned())),
        began,
        ended: began + Duration::from_millis(30),
    };
    let spans = spans(false, &sample(), Outcome::Allowed, &[wait]);
    let [asked, waited] = &spans[..] else {
        panic!("not two");
    };
    assert_eq!(waited.name, "acquire token");
    assert_eq!(waited.parent_span_id, asked.span_id);
    assert_eq!(attributes(waited)["bearergate.identity"], "mail");
}

#[test]
fn what_a_caller_chose_is_bounded() {
    let long = "/\u{e4}".repeat(LONG);
    let line = AccessLine {
        method: "BREW",
        path: &long,
        ..sample()
    };
    let spans = spans(false, &line, Outcome::Allowed, &[]);
    let told = attributes(&spans[0]);
    assert!(told["url.path"].len() <= LONG);
    assert_eq!(told["http.request.method"], "_OTHER");
    assert_eq!(told["http.request.method_original"], "BREW");
    assert_eq!(spans[0].name, "HTTP /orders/{id}");
}

#[test]
fn a_host_is_an_origin_less_its_port() {
    for (origin, host) in [
        ("https://a.example:8443", "a.example"),
        ("http://a.example", "a.example"),
        ("http://[::1]:80", "[::1]"),
        ("http://[::1]", "[::1]"),
    ] {
        assert_eq!(host_of(origin), host);
    }
}
