//! The spans of a request: being asked, what it waited for meanwhile, asking the upstream. Named and
//! described by OpenTelemetry's conventions for HTTP (1.27); what was decided goes by `bearergate.…`.

use std::time::Instant;

use http::Version;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use uuid::Uuid;

use super::Trace;
use crate::telemetry::{AccessLine, Outcome};

/// Values are cut here, in bytes.
const LONG: usize = 1024;
/// What others call by their names; any other is `_OTHER`.
const METHODS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

/// All of one request.
pub type Spans = Vec<Span>;

/// What there is to say of a request that has ended.
pub struct Told<'a> {
    pub line: &'a AccessLine<'a>,
    pub outcome: Outcome,
    /// Its route's pattern.
    pub template: Option<&'a str>,
    pub host: Option<&'a str>,
    pub is_encrypted: bool,
    pub waits: &'a [Wait],
}

/// Something that a request waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What was done meanwhile.
    pub what: &'static str,
    /// Whose it is, in the file's words: an attribute's name and its value.
    pub whose: Option<(&'static str, String)>,
    pub began: Instant,
    pub ended: Instant,
}

pub(super) fn of(trace: &Trace, told: &Told<'_>) -> Spans {
    let mut spans = vec![asked(trace, told)];
    spans.extend(told.waits.iter().map(|wait| waited(trace, wait)));
    spans.extend(trace.asked.map(|since| asking(trace, told, since)));
    spans
}

fn asked(trace: &Trace, told: &Told<'_>) -> Span {
    let line = told.line;
    let method = method(line.method);
    let mut attributes = vec![
        text("http.request.method", method),
        text(
            "url.scheme",
            if told.is_encrypted { "https" } else { "http" },
        ),
        text("url.path", line.path),
        text("bearergate.request_id", line.request_id),
        text("bearergate.listener", line.listener),
        text("bearergate.outcome", told.outcome.word()),
    ];
    attributes.extend(of_status(line.status));
    for (name, value) in [
        ("network.protocol.version", line.protocol.map(version)),
        ("http.route", told.template),
        ("server.address", told.host),
        ("error.type", line.reason),
        ("bearergate.route", line.route),
        ("bearergate.reason", line.reason),
        ("bearergate.principal", line.principal),
        ("bearergate.token_id", line.token_id),
    ] {
        attributes.extend(value.map(|value| text(name, value)));
    }
    if method != line.method {
        attributes.push(text("http.request.method_original", line.method));
    }
    let client = line.client.map(|client| client.to_string());
    attributes.extend(client.map(|client| text("client.address", &client)));
    // A caller's mistake is no fault of the one who is asked.
    let status = match told.outcome {
        Outcome::Failed(reason) => Some(failed(reason.sentence())),
        _ if line.status >= 500 => Some(failed("")),
        _ => None,
    };
    Span {
        parent_span_id: trace.parent.map(Vec::from).unwrap_or_default(),
        name: match told.template {
            Some(template) => format!("{} {template}", named(method)),
            None => named(method).to_owned(),
        },
        status,
        ..span(
            trace,
            trace.own,
            SpanKind::Server,
            (trace.began.0, None),
            line,
            attributes,
        )
    }
}

/// As OpenTelemetry writes it, of `network.protocol.name` `http`, which it takes for granted.
fn version(spoken: Version) -> &'static str {
    match spoken {
        Version::HTTP_2 => "2",
        Version::HTTP_11 => "1.1",
        _ => "1.0",
    }
}

fn waited(trace: &Trace, wait: &Wait) -> Span {
    let whose = wait.whose.iter().map(|(name, value)| text(name, value));
    let attributes = whose.collect();
    let (id, _) = Uuid::new_v4().as_u64_pair();
    Span {
        name: wait.what.to_owned(),
        parent_span_id: trace.own.to_vec(),
        trace_id: trace.trace.to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: time(trace, wait.began),
        end_time_unix_nano: time(trace, wait.ended),
        attributes,
        ..Span::default()
    }
}

fn asking(trace: &Trace, told: &Told<'_>, since: Instant) -> Span {
    let line = told.line;
    let method = method(line.method);
    let mut attributes = vec![text("http.request.method", method)];
    attributes.extend(
        line.upstream
            .map(|origin| text("server.address", host_of(origin))),
    );
    attributes.extend(
        line.upstream
            .map(|origin| text("bearergate.upstream", origin)),
    );
    let status = match (line.heard, line.reason) {
        (Some((status, _)), _) => {
            attributes.extend(of_status(status));
            (status >= 400).then(|| failed(""))
        }
        (None, reason) => {
            attributes.extend(reason.map(|reason| text("error.type", reason)));
            Some(failed(""))
        }
    };
    Span {
        name: named(method).to_owned(),
        parent_span_id: trace.own.to_vec(),
        status,
        ..span(
            trace,
            trace.onward,
            SpanKind::Client,
            (since, None),
            line,
            attributes,
        )
    }
}

/// One that ends where the request does, unless it ends before.
fn span(
    trace: &Trace,
    id: [u8; 8],
    kind: SpanKind,
    (began, ended): (Instant, Option<Instant>),
    line: &AccessLine<'_>,
    attributes: Vec<KeyValue>,
) -> Span {
    let end = trace.began.0 + line.duration;
    Span {
        trace_id: trace.trace.to_vec(),
        span_id: id.to_vec(),
        kind: kind.into(),
        start_time_unix_nano: time(trace, began),
        end_time_unix_nano: time(trace, ended.unwrap_or(end)),
        attributes,
        ..Span::default()
    }
}

/// In nanoseconds since the epoch. Only the beginning is read from that clock: within a trace nothing
/// goes back.
fn time(trace: &Trace, moment: Instant) -> u64 {
    let (began, at) = trace.began;
    let since = moment.saturating_duration_since(began).as_nanos();
    at.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

fn failed(message: &str) -> Status {
    Status {
        message: message.to_owned(),
        code: StatusCode::Error.into(),
    }
}

/// 0 is none.
fn of_status(status: u16) -> Option<KeyValue> {
    let value = Value::IntValue(status.into());
    (status > 0).then(|| pair("http.response.status_code", value))
}

fn method(method: &str) -> &str {
    match METHODS.contains(&method) {
        true => method,
        false => "_OTHER",
    }
}

/// What a span is called after.
fn named(method: &str) -> &str {
    match method {
        "_OTHER" => "HTTP",
        method => method,
    }
}

/// `https://host:port` less all but its host.
fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

pub(super) fn text(name: &str, value: &str) -> KeyValue {
    let cut = &value[..value.floor_char_boundary(LONG)];
    pair(name, Value::StringValue(cut.to_owned()))
}

fn pair(name: &str, value: Value) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;
