//! How often is a request put to an upstream? Once, but where a connection turns out to be stale:
//! what was not sent is sent again, and what was sent and may be repeated (RFC 9110 §9.2.2) too.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Extensions, HeaderName, HeaderValue, Method, Request, Uri, response};
use tokio::time::sleep;

use super::failure::Failure;
use crate::outbound::{
    AnswerStream, Carrier, Carries, ConnectError, Endpoint, ExchangeError, RequestBody,
};

/// How often one request may be put to an upstream, and how many addresses are tried.
const MOST: usize = 3;
/// How long a body is held back for an upstream that does not answer `Expect` (RFC 9110 §10.1.1).
const HELD_BACK: Duration = Duration::from_secs(1);

/// An answer whose body is still to come.
pub(super) struct Answered {
    pub(super) head: response::Parts,
    pub(super) incoming: AnswerStream,
    pub(super) carrier: Carrier,
}

/// Puts a request to an upstream. `meanwhile` is told of interim answers.
pub(super) async fn answered(
    endpoint: &Endpoint,
    head: Parts,
    body: &RequestBody,
    carries: Carries,
    mut meanwhile: impl FnMut(&[Bytes]),
) -> Result<Answered, Failure> {
    let may_be_repeated = is_idempotent(&head.method);
    let mut request = Request::from_parts(head, body.clone());
    let mut attempt = 1;
    loop {
        let is_last = attempt == MOST;
        let pooled = if is_last {
            None
        } else {
            endpoint.idle(carries)
        };
        let mut carrier = match pooled {
            Some(carrier) => carrier,
            // Rare, and large: it would be moved about with every request.
            None => Box::pin(connect(endpoint, carries)).await?,
        };
        let spare = if may_be_repeated && carrier.is_reused() {
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
        let why = match sent {
            Ok(answer) => {
                let (head, incoming) = answer.into_parts();
                return Ok(Answered {
                    head,
                    incoming,
                    carrier,
                });
            }
            Err(why) => why,
        };
        if let Some(reason) = body.failure() {
            return Err(Failure::of_body(reason));
        }
        request = match (why, spare.and_then(Spare::sent_again)) {
            (ExchangeError::NotSent(unsent), _) if !is_last => *unsent,
            (ExchangeError::Unanswered, Some(again)) => again,
            (why, _) => return Err(why.into()),
        };
        attempt += 1;
    }
}

/// Tries addresses in turn: nothing has been sent yet, so whatever the method.
async fn connect(endpoint: &Endpoint, carries: Carries) -> Result<Carrier, ConnectError> {
    let mut left = endpoint.addresses().clamp(1, MOST);
    loop {
        left -= 1;
        match endpoint.connect(carries).await {
            Err(why) if left > 0 && !matches!(why, ConnectError::Unresolved) => {}
            connected => return connected,
        }
    }
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
