//! How often is a request put to an upstream? Once, but where a connection turns out to be stale:
//! what was not sent is sent again, and what was sent and may be repeated (RFC 9110 §9.2.2) too. What
//! cannot be connected to is passed over, what fails is repeated where the route says so, and what is
//! refused for our token is sent again with another.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, response,
};
use tokio::time::sleep;

use super::failure::Failure;
use super::refusal;
use crate::admission::Admission;
use crate::outbound::{
    AccessToken, AnswerStream, Carrier, Carries, ConnectError, ExchangeError, RequestBody, Visit,
};
use crate::telemetry::{Repetition, RouteMetrics};

/// How many addresses are tried at a time.
const MOST: usize = 3;
/// How often one request may be sent again because nobody had looked at it.
const MOST_UNSENT: u32 = 2;
/// How long a body is held back for an upstream that does not answer `Expect` (RFC 9110 §10.1.1).
const HELD_BACK: Duration = Duration::from_secs(1);

/// An answer whose body is still to come.
pub(super) struct Answered {
    pub(super) head: response::Parts,
    pub(super) incoming: AnswerStream,
    pub(super) carrier: Carrier,
    /// The token that it answers to, where that is not the admission's.
    pub(super) token: Option<Arc<AccessToken>>,
}

/// What an attempt came to that is not what was asked for.
enum Unwanted {
    Failure(ExchangeError),
    /// With a status that is taken for a failure.
    Answer(Answered),
}

/// Puts a request to an upstream. `meanwhile` is told of interim answers.
pub(super) async fn answered(
    visit: &mut Visit,
    admission: &Admission,
    head: Parts,
    (body, carries): (&RequestBody, Carries),
    mut meanwhile: impl FnMut(&[Bytes]),
) -> Result<Answered, Failure> {
    let metrics = &admission.route().metrics;
    // What took the place of our token, once that was refused.
    let mut token = None;
    let may_be_repeated = is_idempotent(&head.method);
    let mut repetitions = if may_be_repeated {
        visit.repetitions()
    } else {
        0
    };
    let mut request = Request::from_parts(head, body.clone());
    // How often its connection turned out to have ended: the next one is new.
    let mut stale = 0;
    loop {
        let pooled = match stale {
            0 => visit.endpoint().idle(carries),
            _ => None,
        };
        let mut carrier = match pooled {
            Some(carrier) => carrier,
            // Rare, and large: it would be moved about with every request.
            None => Box::pin(connect(visit, metrics, carries, request.headers_mut())).await?,
        };
        let was_reused = carrier.is_reused();
        let may_fail = may_be_repeated && (was_reused || repetitions > 0);
        let may_be_refused = token.is_none() && admission.route().egress.is_ours();
        let spare = if may_fail || may_be_refused {
            Some(Spare::of(&request))
        } else {
            if !carrier.may_refuse() {
                body.is_the_last();
            }
            None
        };
        let sent = {
            let sending = pin!(carrier.exchange(request, &mut meanwhile));
            held_back(sending, body).await
        };
        let unwanted = match sent {
            Ok(answer) => {
                let (head, incoming) = answer.into_parts();
                let has_failed = visit.heard(head.status);
                let answered = Answered {
                    head,
                    incoming,
                    carrier,
                    token: token.clone(),
                };
                // SECURITY: what says that our token is no good is never its caller's to read.
                if admission.route().egress.is_ours() && refusal::is_one(&answered.head) {
                    let again = || spare.and_then(Spare::sent_again);
                    let sent = (admission, &*visit);
                    // Rare, and large.
                    let replaced = Box::pin(refusal::replaced(answered, again, sent)).await?;
                    metrics.repeated(Repetition::Refused);
                    request = replaced.0;
                    token = Some(replaced.1);
                    continue;
                }
                if !has_failed {
                    return Ok(answered);
                }
                Unwanted::Answer(answered)
            }
            Err(why) => {
                if let Some(reason) = body.failure() {
                    return Err(Failure::of_body(reason));
                }
                // What ended while it rested says nothing of the endpoint, nor does its silence while a
                // caller is waited for.
                let waits = matches!(why, ExchangeError::TimedOut(_)) && !body.has_ended();
                if !waits && !is_stale(&why, was_reused, carrier.may_refuse()) {
                    visit.failed(&why);
                }
                Unwanted::Failure(why)
            }
        };
        use ExchangeError::{NotSent, Unanswered};
        // SECURITY: what was kept for another token alone is not for what failed.
        let again = spare.filter(|_| may_fail).and_then(Spare::sent_again);
        request = match (unwanted, again) {
            (Unwanted::Failure(NotSent(unsent)), _) if stale < MOST_UNSENT => {
                stale += 1;
                metrics.repeated(Repetition::Stale);
                *unsent
            }
            // SECURITY: somebody may have looked at it: once, whatever else it is repeated for.
            (Unwanted::Failure(Unanswered), Some(again)) if was_reused && stale == 0 => {
                stale += 1;
                metrics.repeated(Repetition::Stale);
                again
            }
            (Unwanted::Failure(Unanswered) | Unwanted::Answer(_), Some(mut again))
                if repetitions > 0 && may_repeat(visit, metrics) =>
            {
                repetitions -= 1;
                move_on(visit, again.headers_mut());
                again
            }
            (Unwanted::Answer(answered), _) => return Ok(answered),
            (Unwanted::Failure(why), _) => return Err(why.into()),
        };
    }
}

fn may_repeat(visit: &Visit, metrics: &RouteMetrics) -> bool {
    let may_be = visit.may_repeat();
    metrics.repeated(match may_be {
        true => Repetition::Failed,
        false => Repetition::OverBudget,
    });
    may_be
}

fn is_stale(why: &ExchangeError, was_reused: bool, may_refuse: bool) -> bool {
    match why {
        ExchangeError::NotSent(_) => was_reused || may_refuse,
        ExchangeError::Unanswered => was_reused,
        _ => false,
    }
}

/// Tries endpoints and addresses in turn: nothing has been sent yet, so whatever the method.
async fn connect(
    visit: &mut Visit,
    metrics: &RouteMetrics,
    carries: Carries,
    headers: &mut HeaderMap,
) -> Result<Carrier, ConnectError> {
    let mut left = visit.upstream().addresses().clamp(1, MOST);
    loop {
        left -= 1;
        let why = match visit.endpoint().connect(carries).await {
            Ok(carrier) => return Ok(carrier),
            Err(why) => why,
        };
        visit.failed(&why);
        if left == 0 {
            return Err(why);
        }
        let moved = move_on(visit, headers);
        if !moved && matches!(why, ConnectError::Unresolved) {
            return Err(why);
        }
        metrics.repeated(Repetition::Connect);
    }
}

/// Goes on to an endpoint where the request has not been, by that one's name.
fn move_on(visit: &mut Visit, headers: &mut HeaderMap) -> bool {
    let moved = visit.move_on();
    if moved && !visit.upstream().definition().preserve_host {
        headers.insert(header::HOST, visit.endpoint().host_header().clone());
    }
    moved
}

/// Waits for the answer; where the body is held back, no longer than a moment without it.
async fn held_back<T>(mut sending: Pin<&mut impl Future<Output = T>>, body: &RequestBody) -> T {
    if body.is_held_back() {
        // Rare, and large.
        let mut patience = Box::pin(sleep(HELD_BACK));
        let answered = std::future::poll_fn(|cx| match sending.as_mut().poll(cx) {
            Poll::Ready(answered) => Poll::Ready(Some(answered)),
            Poll::Pending if !body.is_held_back() => Poll::Ready(None),
            Poll::Pending => patience.as_mut().poll(cx).map(|()| None),
        });
        if let Some(answered) = answered.await {
            return answered;
        }
        body.release();
    }
    sending.await
}

/// A request that may have to be sent again. Made for most requests and used by next to none: what
/// costs most of a copy, its table of names, is made when it is.
struct Spare {
    method: Method,
    uri: Uri,
    fields: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
    body: RequestBody,
}

impl Spare {
    fn of(request: &Request<RequestBody>) -> Self {
        let headers = request.headers();
        let mut fields = Vec::with_capacity(headers.len());
        fields.extend(
            headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            fields,
            extensions: request.extensions().clone(),
            body: request.body().clone(),
        }
    }

    /// `None` where some of its body is no longer there.
    fn sent_again(self) -> Option<Request<RequestBody>> {
        let mut request = Request::new(self.body.again()?);
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.extensions_mut() = self.extensions;
        for (name, value) in self.fields {
            request.headers_mut().append(name, value);
        }
        Some(request)
    }
}

fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent()
}
