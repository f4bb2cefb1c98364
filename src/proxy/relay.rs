//! An admitted request's way: its head is edited and sent on, its body streams, and the answer's
//! head comes back, behind it the answer's body.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version, header};
use http_body::Body;

use super::answer_body::{Relayed, Way};
use super::attempts::{Answered, answered};
use super::bound::Bound;
use super::failure::Failure;
use super::{AnswerBody, Gateway, early, incoming, interim, location, outgoing, refusal, tunnel};
use crate::admission::Record;
use crate::edge::{Abandoned, Arriving, Conversation};
use crate::outbound::{Carries, RequestBody, Visit};
use crate::reason::Reason;
use crate::request::header_names::{Removal, X_REQUEST_ID};
use crate::request::is_grpc;

/// When there may be room again.
const SOON: Duration = Duration::from_secs(1);

/// What is known of the caller's side when the answer comes back.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
    /// A WebSocket was asked for, and may be.
    pub(super) tunnel: bool,
    /// What goes before the upstream's own paths in `Location`, where that is rewritten.
    pub(super) base: Option<String>,
}

impl Gateway {
    pub(super) fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Acquire)
    }
}

pub(super) async fn forward(
    gateway: &Gateway,
    mut record: Box<Record>,
    head: Parts,
    body: Arriving,
    conversation: Arc<Conversation>,
) -> Result<Response<AnswerBody>, Abandoned> {
    let asked = Asked {
        method: head.method.clone(),
        version: head.version,
        tunnel: tunnel::is_wanted(&head, &record),
        base: location::base(&record, &head.headers),
    };
    let body = request_body(gateway, &record, body);
    if !conversation.body_has_begun() && asked.version == Version::HTTP_11 && expects(&head) {
        body.hold_back();
    }
    let mut bound = Bound::of(&record, asked.version, &head.headers);
    let mut visit = match visit(&record) {
        Ok(visit) => visit,
        Err(failure) => {
            record.fail_for(
                failure.reason,
                failure.detail,
                (failure.retry_after, failure.claims),
            );
            return early::say(gateway, record, &asked, body.has_ended(), &conversation);
        }
    };
    record.asks();
    let exchanged = {
        // Pinned where it stands: it is large, and would be kept once more by whom it moves to.
        let exchange = pin!(exchange(
            gateway,
            &record,
            &mut visit,
            head,
            &body,
            &asked,
            &conversation
        ));
        within(bound.as_mut(), &body, exchange).await
    };
    if visit.had_a_choice() {
        record.went_to(visit.endpoint());
    }
    let failure = match exchanged {
        Err(failure) => failure,
        Ok(mut answered) => {
            let after = answered.carrier.answered_after();
            record.heard(answered.head.status.as_u16(), after);
            match incoming::receive(&mut answered.head, &record, &asked) {
                Ok(()) => {
                    if let Some(words) = refusal::remark(&answered, &record) {
                        record.remark(words);
                    }
                    // What still comes of its body would be read for the next request.
                    let ends = !body.has_ended();
                    let way = (conversation, bound);
                    return Ok(relay(gateway, record, visit, answered, &asked, ends, way));
                }
                Err(failure) => failure,
            }
        }
    };
    if let Some((status, after)) = failure.heard {
        record.heard(status, after);
    }
    record.fail_for(
        failure.reason,
        failure.detail,
        (failure.retry_after, failure.claims),
    );
    early::say(gateway, record, &asked, body.has_ended(), &conversation)
}

/// Bounds what is bounded in time.
async fn within<T>(
    bound: Option<&mut Bound>,
    body: &RequestBody,
    mut work: Pin<&mut impl Future<Output = Result<T, Failure>>>,
) -> Result<T, Failure> {
    let Some(bound) = bound else {
        return work.await;
    };
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Pending => bound
            .poll(cx)
            .map(|()| Err(bound.failure(body.has_ended()))),
        done => done,
    })
    .await
}

/// Goes where the admission leads.
fn visit(record: &Record) -> Result<Visit, Failure> {
    let no_admission = || Failure::new(Reason::InternalError, "no admission");
    // SECURITY: no admission, no forward, whatever happened before.
    let admission = record.admission().ok_or_else(no_admission)?;
    let visit = Visit::begin(&admission.route().upstream);
    visit.map_err(|why| Failure {
        retry_after: Some(SOON),
        ..Failure::new(Reason::UpstreamCrowded, why.to_string())
    })
}

/// Sends the request, and takes the answer's head in hand.
async fn exchange(
    gateway: &Gateway,
    record: &Record,
    visit: &mut Visit,
    mut head: Parts,
    body: &RequestBody,
    asked: &Asked,
    conversation: &Conversation,
) -> Result<Answered, Failure> {
    let no_admission = || Failure::new(Reason::InternalError, "no admission");
    let admission = record.admission().ok_or_else(no_admission)?;
    let route = admission.route();
    let endpoint = visit.endpoint();
    let edit = AssertUnwindSafe(|| outgoing::edit(&mut head, record, admission, endpoint, asked));
    std::panic::catch_unwind(edit).unwrap_or_else(|_| {
        gateway.shared.metrics.panicked();
        let why = "a panic while building headers";
        Err(Failure::new(Reason::InternalError, why))
    })?;
    let meanwhile =
        |heads: &[Bytes]| interim::pass_on(heads, asked.version, route, body, conversation);
    let carries = match asked.tunnel {
        true => Carries::Tunnel,
        false => Carries::Requests,
    };
    answered(visit, admission, head, (body, carries), meanwhile).await
}

/// The body as it goes on.
fn request_body(gateway: &Gateway, record: &Record, body: Arriving) -> RequestBody {
    if body.is_end_stream() {
        return RequestBody::none();
    }
    let plan = Arc::clone(record.plan());
    let admission = record.admission();
    let goes_on = match admission.is_some_and(|it| !it.route().egress.is_ours()) {
        true => Removal::OnTokenRoutes,
        false => Removal::Never,
    };
    // SECURITY: what must not come in the head must not come behind the body either.
    let rules = move |trailers: &mut HeaderMap| {
        let stays_back = |name: &&http::HeaderName| match plan.headers.removal(name) {
            Removal::Misspelled => true,
            // It is ours, in the head.
            _ if *name == X_REQUEST_ID => true,
            removal => removal > goes_on,
        };
        let gone: Vec<_> = trailers.keys().filter(stays_back).cloned().collect();
        for name in gone {
            trailers.remove(name);
        }
    };
    let most = admission.and_then(|it| it.route().definition.limits.body);
    let most = most.unwrap_or_else(|| gateway.listener(record.plan()).limits.body);
    RequestBody::new(body, most, Box::new(rules))
}

/// Whether the caller waits for `100` before it sends its body.
fn expects(head: &Parts) -> bool {
    let expects = head.headers.get(header::EXPECT);
    expects.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn relay(
    gateway: &Gateway,
    mut record: Box<Record>,
    visit: Visit,
    answered: Answered,
    asked: &Asked,
    ends: bool,
    (conversation, bound): (Arc<Conversation>, Option<Bound>),
) -> Response<AnswerBody> {
    let Answered {
        mut head,
        incoming,
        carrier,
        ..
    } = answered;
    let status = head.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        record.answered(status.as_u16(), 0);
        let patience = visit.endpoint().definition().response_timeout;
        if let Some(stream) = carrier.into_stream() {
            let ending = tunnel::Ending::of(&record, &gateway.shared);
            conversation.switch(tunnel::between(stream, patience, ending, (visit, record)));
        }
        return Response::from_parts(head, AnswerBody::Nothing);
    }
    // What HTTP/1.0 has to be told also where it asked for more.
    if ends || gateway.is_draining() || asked.version == Version::HTTP_10 {
        let close = HeaderValue::from_static("close");
        head.headers.insert(header::CONNECTION, close);
    }
    let is_open_ended = asked.version == Version::HTTP_10 && incoming.size_hint().exact().is_none();
    let way = Way {
        carrier,
        visit,
        conversation,
        is_open_ended,
        bound,
        is_grpc: is_grpc(asked.version, &head.headers),
        status: status.as_u16(),
    };
    let body = AnswerBody::Theirs(Relayed::new(incoming, way, record));
    Response::from_parts(head, body)
}
