//! Whose trace it is, whether it is recorded, and what the upstream hears of it.

use std::time::Duration;

use http::HeaderName;
use url::Url;

use super::*;
use crate::telemetry::Metrics;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(in crate::telemetry::traces) fn definition(sample: u32) -> TracesDefinition {
    TracesDefinition {
        endpoint: Url::parse("http://127.0.0.1:4318/v1/traces").unwrap(),
        sample,
        service: "edge".to_owned(),
        attributes: Vec::new(),
        headers: HeaderMap::new(),
        ca_pem: None,
        timeout: Duration::from_secs(1),
    }
}

fn tracer(sample: u32) -> (Arc<Tracer>, Receiver<Spans>) {
    Tracer::new(&definition(sample), &Metrics::new().spans())
}

fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
    fields.collect()
}

fn told(trace: &Trace, headers: &mut HeaderMap) -> TraceParent {
    trace.tell(headers);
    TraceParent::of(headers).unwrap()
}

#[test]
fn a_callers_trace_is_continued_and_its_state_passed_on() {
    let (tracer, _spans) = tracer(100);
    let mut headers = headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]);
    let trace = tracer.begin(&headers, false);
    let told = told(&trace, &mut headers);
    assert_eq!(trace.id(), PARENT[3..35]);
    assert_eq!(told.trace, trace.trace);
    assert_eq!((told.span, told.is_sampled), (trace.onward, true));
    assert_ne!(trace.onward, trace.own);
    assert_eq!(
        trace.parent,
        Some([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
    );
    assert_eq!(headers[TRACESTATE], "a=1");
}

#[test]
fn what_is_broken_goes_no_further() {
    let (tracer, _spans) = tracer(100);
    for broken in [
        vec![(TRACESTATE, "a=1")],
        vec![(TRACEPARENT, "00-nonsense"), (TRACESTATE, "a=1")],
        vec![(TRACEPARENT, PARENT), (TRACESTATE, "a=1,a=2")],
    ] {
        let mut headers = headers(&broken);
        let trace = tracer.begin(&headers, true);
        let told = told(&trace, &mut headers);
        let known = TraceParent::of(&self::headers(&broken));
        assert_eq!(
            known.is_some_and(|it| it.trace == told.trace),
            known.is_some()
        );
        assert!(!headers.contains_key(TRACESTATE), "{broken:?}");
    }
}

#[test]
fn only_a_trusted_proxy_decides_for_us_what_is_recorded() {
    let unsampled = &PARENT.replace("-01", "-00");
    for (sample, field, trusted, recorded) in [
        (100, PARENT, false, true),
        (100, unsampled, false, true),
        (100, unsampled, true, false),
        (0, PARENT, false, false),
        (0, PARENT, true, true),
        (0, "none", true, false),
        (100, "none", true, true),
    ] {
        let (tracer, _spans) = tracer(sample);
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(field).unwrap());
        let trace = tracer.begin(&headers, trusted);
        assert_eq!(trace.is_recorded(), recorded, "{sample} {field} {trusted}");
        assert_eq!(told(&trace, &mut headers).is_sampled, recorded);
    }
}

#[test]
fn a_share_of_traces_is_recorded_the_same_ones_everywhere() {
    let (tenth, _spans) = tracer(10);
    let (other, _others) = tracer(10);
    let traces = (0..2000_u64).map(|it| {
        let mut trace = [7; 16];
        let spread = it.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        trace[8..].copy_from_slice(&spread.to_be_bytes());
        trace
    });
    let mut recorded = 0;
    for trace in traces {
        assert_eq!(tenth.is_recorded(trace), other.is_recorded(trace));
        recorded += usize::from(tenth.is_recorded(trace));
    }
    assert!((150..250).contains(&recorded), "{recorded}");
}

#[test]
fn what_nobody_fetches_is_dropped_and_counted() {
    let metrics = Metrics::new();
    let (tracer, spans) = Tracer::new(&definition(100), &metrics.spans());
    let line = crate::telemetry::access_line::sample();
    let told = Told {
        line: &line,
        outcome: crate::telemetry::Outcome::Allowed,
        template: None,
        host: None,
        is_encrypted: false,
        waits: &[],
    };
    let trace = tracer.begin(&HeaderMap::new(), false);
    for _ in 0..WAITING + 3 {
        trace.end(&told);
    }
    let page = metrics.render(
        &crate::telemetry::Samples::default(),
        crate::clock::UnixTime::now(),
    );
    assert!(
        page.contains("bearergate_spans_total{outcome=\"dropped\"} 3"),
        "{page}"
    );
    assert_eq!(spans.len(), WAITING);
}

#[test]
fn a_caller_does_not_have_itself_recorded_by_the_id_that_it_chooses() {
    let (tracer, _spans) = tracer(1);
    for (highest, most) in [("ffffffffffffff", 200), ("00000000000000", 200)] {
        let field = format!("00-0af7651916cd43dd84{highest}-b7ad6b7169203331-01");
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(&field).unwrap());
        let traces = (0..2000).map(|_| tracer.begin(&headers, false).is_recorded());
        let recorded = traces.filter(|recorded| *recorded).count();
        assert!((1..most).contains(&recorded), "{recorded}");
    }
}
