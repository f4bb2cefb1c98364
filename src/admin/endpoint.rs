//! `/livez`, `/readyz`, `/metrics`: read only, and on loopback only for those who ask a loopback
//! name for it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;

use super::{Readiness, samples};
use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::edge::{Abandoned, Application, Arriving, Conversation, Misread};
use crate::telemetry::Metrics;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Answers about the plan of the moment.
pub struct Admin {
    pub plan: Arc<ArcSwap<Plan>>,
    pub metrics: Metrics,
    pub readiness: Arc<Readiness>,
    /// Where the listener is really bound.
    pub address: SocketAddr,
}

impl Admin {
    fn answer(
        &self,
        method: &Method,
        path: &str,
        host: Option<&HeaderValue>,
        now: UnixTime,
    ) -> Response<Vec<u8>> {
        // SECURITY: against DNS rebinding, by which a web page reaches a loopback listener under
        // its own name.
        if self.address.ip().is_loopback() && !host.is_some_and(names_loopback) {
            return page(StatusCode::MISDIRECTED_REQUEST, TEXT, "wrong host\n".into());
        }
        let answer = match path {
            "/livez" => page(StatusCode::OK, TEXT, "alive\n".into()),
            "/readyz" => self.ready(now),
            "/metrics" => page(StatusCode::OK, METRICS, self.exposition(now).into_bytes()),
            _ => return page(StatusCode::NOT_FOUND, TEXT, "not found\n".into()),
        };
        if method != Method::GET && method != Method::HEAD {
            let text = "method not allowed\n".into();
            let mut refusal = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
            let allow = HeaderValue::from_static("GET, HEAD");
            refusal.headers_mut().insert(ALLOW, allow);
            return refusal;
        }
        answer
    }

    fn ready(&self, now: UnixTime) -> Response<Vec<u8>> {
        let report = self.readiness.report(&self.plan.load(), now);
        let status = match report.ready {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        match serde_json::to_vec(&report) {
            Ok(body) => page(status, JSON, body),
            Err(why) => {
                tracing::error!(%why, "the readiness report cannot be written");
                page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, Vec::new())
            }
        }
    }

    fn exposition(&self, now: UnixTime) -> String {
        let plan = self.plan.load();
        self.metrics.ready(self.readiness.report(&plan, now).ready);
        self.metrics.render(&samples::of(&plan), now)
    }
}

impl Application for Admin {
    type Body = Full<Bytes>;

    async fn respond(
        self: Arc<Self>,
        request: Request<Arriving>,
        conversation: Arc<Conversation>,
    ) -> Result<Response<Full<Bytes>>, Abandoned> {
        let mut answer = self.answer(
            request.method(),
            request.uri().path(),
            request.headers().get(HOST),
            UnixTime::now(),
        );
        if request.method() == Method::HEAD {
            answer.body_mut().clear();
        }
        // Nobody here wants a body.
        if !request.body().is_end_stream() {
            conversation.body_unread();
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Ok(answer.map(|body| Full::new(body.into())))
    }

    fn refuse(&self, _: &Conversation, why: Misread) -> Response<Bytes> {
        let status = match why {
            Misread::Late | Misread::Crowded => StatusCode::REQUEST_TIMEOUT,
            Misread::Broken(_) | Misread::Http2(_) | Misread::Codec => StatusCode::BAD_REQUEST,
        };
        page(status, TEXT, format!("{why}\n").into_bytes()).map(Bytes::from)
    }
}

fn page(status: StatusCode, kind: &'static str, mut body: Vec<u8>) -> Response<Vec<u8>> {
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.push(b'\n');
    }
    let length = HeaderValue::from(body.len());
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// `localhost` or a loopback address, whatever the port.
fn names_loopback(host: &HeaderValue) -> bool {
    let authority = host.to_str().ok().and_then(|host| host.parse().ok());
    let Some(authority) = authority.filter(|it: &Authority| !it.as_str().contains('@')) else {
        return false;
    };
    let name = authority.host();
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(name).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
