//! `/livez`, `/readyz`, `/metrics`, `/status`, which only tell, and `/tokens/…`, which does as it is told:
//! on loopback only for those who ask a loopback name for it.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_SECURITY_POLICY, REFRESH};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;

use super::pages::{HTML, JSON, METRICS, TEXT, guarded, names_loopback, only_host, page};
use super::status::{self, Report};
use super::{Observed, Readiness, observers, samples};
use crate::admission::Plan;
use crate::clock::UnixTime;
use crate::edge::{Abandoned, Application, Arriving, Conversation, Misread};
use crate::outbound::TokenOrder;
use crate::telemetry::Metrics;

/// How often a browser may ask again by itself, in seconds.
const EVERY: std::ops::RangeInclusive<u32> = 2..=3600;

/// Answers about the plan of the moment.
pub struct Admin {
    pub plan: Arc<ArcSwap<Plan>>,
    pub metrics: Metrics,
    pub readiness: Arc<Readiness>,
    /// What the status page shows that a plan does not know.
    pub observed: Observed,
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
        if let Some(refusal) = self.misdirected(host) {
            return refusal;
        }
        let answer = match path {
            "/livez" => page(StatusCode::OK, TEXT, "alive\n".into()),
            "/readyz" => self.ready(now),
            "/metrics" => page(StatusCode::OK, METRICS, self.exposition(now).into_bytes()),
            _ => return page(StatusCode::NOT_FOUND, TEXT, "not found\n".into()),
        };
        wrong_method(method).unwrap_or(answer)
    }

    /// SECURITY: against DNS rebinding, by which a web page reaches a loopback listener under its own
    /// name.
    pub(super) fn misdirected(&self, host: Option<&HeaderValue>) -> Option<Response<Vec<u8>>> {
        let wrong = self.address.ip().is_loopback() && !host.is_some_and(names_loopback);
        let text = "wrong host\n";
        wrong.then(|| page(StatusCode::MISDIRECTED_REQUEST, TEXT, text.into()))
    }

    /// The status page, or the same for programs, where whoever asks may see it.
    async fn status(&self, head: &Parts, conversation: &Conversation) -> Response<Vec<u8>> {
        let now = UnixTime::now();
        let refusal = self.misdirected(only_host(&head.headers));
        if let Some(refusal) = refusal.or_else(|| wrong_method(&head.method)) {
            return refusal;
        }
        let plan = self.plan.load_full();
        let peer = observers::peer(conversation.peer().ip(), conversation.is_encrypted());
        if let Some(refusal) = self.keeps_from(&plan, head, peer, now).await {
            return refusal;
        }
        let report = Report::of(self, now);
        match head.uri.path() {
            "/status.json" => json(StatusCode::OK, &report),
            _ => self.drawn(&report, head.uri.query().unwrap_or_default()),
        }
    }

    fn drawn(&self, report: &Report, query: &str) -> Response<Vec<u8>> {
        let mut asked = url::form_urlencoded::parse(query.as_bytes());
        let every =
            asked.find_map(|(name, value)| (name == "every").then(|| value.parse().ok())?);
        let every = every.filter(|seconds| EVERY.contains(seconds));
        let mut answer = page(StatusCode::OK, HTML, status::page(report, every));
        if let Some(policy) = &*status::PAGE_POLICY {
            answer
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        if let Some(every) = every {
            answer.headers_mut().insert(REFRESH, every.into());
        }
        answer
    }

    fn ready(&self, now: UnixTime) -> Response<Vec<u8>> {
        let report = self.readiness.report(&self.plan.load(), now);
        let status = match report.ready {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        json(status, &report)
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
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let mut answer = match path {
            "/status" | "/status.json" => guarded(self.status(&head, &conversation).await),
            "/tokens/renew" => self.order(TokenOrder::Renew, &head, &conversation).await,
            "/tokens/purge" => self.order(TokenOrder::Purge, &head, &conversation).await,
            _ => {
                let host = only_host(&head.headers);
                self.answer(&head.method, path, host, UnixTime::now())
            }
        };
        if head.method == Method::HEAD {
            answer.body_mut().clear();
        }
        // Nobody here wants a body.
        if !body.is_end_stream() {
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

fn wrong_method(method: &Method) -> Option<Response<Vec<u8>>> {
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let text = "method not allowed\n".into();
    let mut refusal = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
    let allow = HeaderValue::from_static("GET, HEAD");
    refusal.headers_mut().insert(ALLOW, allow);
    Some(refusal)
}

pub(super) fn json(status: StatusCode, report: &impl serde::Serialize) -> Response<Vec<u8>> {
    match serde_json::to_vec(report) {
        Ok(body) => page(status, JSON, body),
        Err(why) => {
            tracing::error!(%why, "a report cannot be written");
            page(StatusCode::INTERNAL_SERVER_ERROR, TEXT, Vec::new())
        }
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
