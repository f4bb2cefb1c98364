//! One request from its beginning to its end, whoever asked: what was decided, and what came of it.
//! Each kind of listener keeps one for as long as a request lasts, and asks `admit` through it; what is
//! told at the end is `ending`'s.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Version};

use super::caught::{caught, internal};
use super::cors::{self, Preflight};
use super::{Admission, Denial, Held, Passage, Plan, Refusal, Shared, admit, grpc};
use crate::clock::UnixTime;
use crate::outbound::Endpoint;
use crate::reason::Reason;
use crate::request::{AccessRequest, Head, HeadError, Limits, Peer, RequestId, Sent};
use crate::telemetry::{
    Counted, Trace, debug_of_left_out, milliseconds, warn_of_answer, warn_of_failure,
};

/// Of a path that was refused, so many characters are told.
const LONGEST_RAW: usize = 200;

/// Its `Drop`, in `ending`, tells: what timed out, was reset or panicked is told too.
pub struct Record {
    pub(super) shared: Arc<Shared>,
    plan: Arc<Plan>,
    pub(super) listener: Arc<str>,
    pub(super) request_id: RequestId,
    pub(super) peer: Option<Peer>,
    pub(super) method: Method,
    /// What its caller spoke, where that is known.
    pub(super) version: Option<Version>,
    pub(super) head: Option<Head>,
    /// A cut of a path that was refused, or never came to be one.
    pub(super) raw_path: Option<Box<str>>,
    pub(super) admission: Option<Admission>,
    pub(super) denial: Option<Denial>,
    pub(super) preflight: Option<Preflight>,
    /// Of the page that asks, where the route says which may.
    origin: Option<HeaderValue>,
    in_flight: Option<Counted>,
    /// Its caller reads gRPC's answers.
    is_grpc: bool,
    pub(super) passage: Passage,
    /// Where there are traces.
    pub(super) trace: Option<Box<Trace>>,
    pub(super) status: u16,
    pub(super) bytes_out: u64,
    /// Which of several endpoints it went to last.
    pub(super) endpoint: Option<Arc<Endpoint>>,
    /// Told where it was not denied.
    pub(super) remark: Option<Box<str>>,
    /// What the upstream said, and how long its head took.
    pub(super) heard: Option<(u16, Duration)>,
    /// Told, never decided by; with it, the time of day in milliseconds since the epoch.
    pub(super) started: (Instant, u64),
}

impl Record {
    pub fn begin(shared: &Arc<Shared>, listener: &Arc<str>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::AcqRel);
        let now = Instant::now();
        Self {
            plan: shared.plan.load_full(),
            shared: Arc::clone(shared),
            listener: Arc::clone(listener),
            request_id: RequestId::none(),
            peer: None,
            method: Method::GET,
            version: None,
            head: None,
            raw_path: None,
            admission: None,
            denial: None,
            preflight: None,
            origin: None,
            in_flight: None,
            is_grpc: false,
            passage: Passage::from(now),
            trace: None,
            status: 0,
            bytes_out: 0,
            endpoint: None,
            remark: None,
            heard: None,
            started: (now, milliseconds()),
        }
    }

    /// Takes note of who is at the other end and what he speaks, and by which id the request goes.
    pub fn meet(
        &mut self,
        peer: Option<Peer>,
        (method, version): (&Method, Option<Version>),
        headers: &HeaderMap,
    ) {
        let trusted = peer.is_some_and(|peer| peer.trusted);
        self.request_id = self.shared.request_ids.of(headers, trusted);
        let tracer = self.plan.tracer.as_ref();
        self.trace = tracer.map(|tracer| tracer.begin(headers, trusted));
        self.method = method.clone();
        self.version = version;
        self.peer = peer;
    }

    /// Reads a head, decides about it, and says whether it may go on: then there is an admission,
    /// else an answer of our own.
    pub async fn decide(&mut self, sent: &Sent<'_>, limits: &Limits, now: UnixTime) -> bool {
        let (plan, listener, peer) = (&self.plan, &self.listener, self.peer);
        self.is_grpc = grpc::is_spoken(sent.version, sent.headers);
        let (kept, passage) = (&mut self.head, &mut self.passage);
        let decided = {
            let deciding = pin!(async {
                let no_peer = || internal("the connection has no peer address");
                let peer = peer.ok_or_else(no_peer)?;
                let read = Head::read(listener, peer, sent, limits);
                let head = kept.insert(read.map_err(|why| Denial::unrouted(why.into()))?);
                let headers = sent.headers;
                let request = AccessRequest { head, headers };
                match Preflight::of(plan, request, &mut passage.held)? {
                    Some(preflight) => Ok(Err(preflight)),
                    None => admit(plan, request, now, passage).await.map(Ok),
                }
            });
            caught(&self.shared, deciding).await
        };
        let admitted = match decided {
            Ok(Ok(admission)) => {
                self.in_flight = Some(admission.route().metrics.begin());
                self.admission = Some(admission);
                true
            }
            Ok(Err(preflight)) => {
                self.preflight = Some(preflight);
                false
            }
            Err(denial) => {
                if self.head.is_none() {
                    let path = sent.uri.path().chars().take(LONGEST_RAW);
                    self.raw_path = Some(path.collect());
                }
                if denial.status().is_server_error() {
                    self.warn("not forwarded", &denial);
                }
                self.denial = Some(denial);
                false
            }
        };
        let route = self.route().map(|route| &route.definition);
        self.origin = route.and_then(|route| cors::origin(route, sent.headers));
        admitted
    }

    /// What came was no request.
    pub fn refuse(&mut self, reason: Reason, detail: String, raw_path: &str) {
        self.raw_path = Some(raw_path.into());
        let detail = detail.into();
        let why = HeadError { reason, detail };
        self.denial = Some(Denial::unrouted(why.into()));
    }

    /// What was admitted failed on its way. What was decided before stays what is told.
    pub fn fail(&mut self, reason: Reason, detail: String) {
        self.fail_for(reason, detail, (None, None));
    }

    /// The same, where a caller may come again: so much later, or with a token that claims more.
    pub fn fail_for(
        &mut self,
        reason: Reason,
        detail: String,
        (retry_after, claims): (Option<Duration>, Option<Arc<str>>),
    ) {
        if self.denial.is_some() {
            return;
        }
        let refusal = Refusal::Upstream {
            reason,
            detail,
            retry_after,
            claims,
        };
        let denial = match &self.admission {
            Some(admission) => refusal.on(admission.route()),
            None => Denial::unrouted(refusal),
        };
        if reason != Reason::ClientClosed {
            self.warn("request failed", &denial);
        }
        self.denial = Some(denial);
    }

    /// These of the caller's fields did not go on beside our token, being on no list.
    pub fn left_out(&self, names: &[HeaderName]) {
        let Some(route) = self.route() else { return };
        route.metrics.left_out(names.len());
        let names = names.iter().map(HeaderName::as_str);
        debug_of_left_out(self.request_id.as_str(), &route.definition.id, names);
    }

    /// What the request takes up of limits.
    pub fn held(&self) -> &Held {
        &self.passage.held
    }

    /// The upstream is asked now.
    pub fn asks(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.asks();
        }
    }

    /// Tells the upstream which trace the request belongs to; without traces that is its caller's word.
    pub fn tell_trace(&self, headers: &mut HeaderMap) {
        if let Some(trace) = &self.trace {
            trace.tell(headers);
        }
    }

    /// Of several endpoints the request went to this one.
    pub fn went_to(&mut self, endpoint: &Arc<Endpoint>) {
        self.endpoint = Some(Arc::clone(endpoint));
    }

    /// The upstream answered with this status, so long after it was asked.
    pub fn heard(&mut self, status: u16, after: Duration) {
        self.heard = Some((status, after));
    }

    /// Something that its line should say, though it went on.
    pub fn remark(&mut self, words: String) {
        if !self.shared.access_log.is_enabled() {
            let route = self.route().map(|route| &*route.definition.id);
            warn_of_answer(self.request_id.as_str(), route, &words);
        }
        self.remark = Some(words.into());
    }

    /// What was sent to the caller: 0 for no status at all.
    pub fn answered(&mut self, status: u16, bytes_out: u64) {
        self.status = status;
        self.bytes_out = bytes_out;
    }

    /// When it began.
    pub fn began(&self) -> UnixTime {
        UnixTime::from_seconds(self.started.1 / 1000)
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Once it was read and found in order.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    pub fn admission(&self) -> Option<&Admission> {
        self.admission.as_ref()
    }

    /// Why it was denied, or failed.
    pub fn reason(&self) -> Option<Reason> {
        self.denial.as_ref().map(Denial::reason)
    }

    pub fn answer(&self) -> Option<Response<Bytes>> {
        let Some(denial) = &self.denial else {
            return self.preflight.as_ref()?.answer(&self.request_id);
        };
        let mut answer = match self.is_grpc {
            true => grpc::answer(denial, &self.request_id),
            false => denial.answer(&self.request_id),
        };
        self.tell_page(answer.headers_mut());
        Some(answer)
    }

    /// Says in an answer's head what a browser lets the page see that asked, where the route says so.
    pub fn tell_page(&self, headers: &mut HeaderMap) {
        if let Some(cors) = self.route().and_then(|it| it.definition.cors.as_ref()) {
            cors.tell(self.origin.as_ref(), headers);
        }
    }

    /// In the process's log only where there is no access line that says the same.
    fn warn(&self, message: &'static str, denial: &Denial) {
        if self.shared.access_log.is_enabled() {
            return;
        }
        let route = denial.route().map(|route| &*route.definition.id);
        let id = self.request_id.as_str();
        warn_of_failure(message, id, denial.reason(), route, &denial.detail());
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
