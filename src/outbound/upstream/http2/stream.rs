//! One request and its answer on a connection that others use too. It is polled by whoever asks, in
//! the same task: only the connection has one of its own.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::ResponseFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;

use super::super::{Broken, ExchangeError, RequestBody};
use super::head;
use super::received::Received;
use super::shared::Lease;
use super::upload::Upload;
use crate::edge::Deadline;

/// How many interim answers one request may get.
const MOST_INTERIM: usize = 32;

pub struct Stream {
    lease: Lease,
    upload: Upload,
    deadline: Deadline,
    /// How long the upstream may be silent.
    patience: Duration,
    /// The deadline is that of a piece which is waited for.
    awaits: bool,
    is_reused: bool,
    answered_after: Duration,
}

impl Stream {
    pub(super) fn on(lease: Lease, patience: Duration) -> Self {
        Self {
            is_reused: lease.is_reused(),
            lease,
            upload: Upload::none(),
            deadline: Deadline::after(patience),
            patience,
            awaits: false,
            answered_after: Duration::ZERO,
        }
    }

    /// Whether its connection has answered before.
    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// How long the upstream took to the head of its answer.
    pub fn answered_after(&self) -> Duration {
        self.answered_after
    }

    /// Sends a request and waits for the head of its answer; `meanwhile` is told what comes before.
    pub async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        meanwhile: impl FnMut(&[Bytes]),
    ) -> Result<Response<Received>, ExchangeError> {
        let (parts, body) = request.into_parts();
        let scheme = &self.lease.connection().scheme;
        let Some(head) = head::request(&parts, scheme) else {
            return Err(ExchangeError::Broken(Broken::Unwritable));
        };
        let to_head = parts.method == Method::HEAD;
        let again = body.clone();
        let not_sent = |why: h2::Error| match again.again() {
            Some(body) => ExchangeError::NotSent(Box::new(Request::from_parts(parts, body))),
            None => ExchangeError::Broken(why.into()),
        };
        self.deadline.move_to(self.patience);
        let asked = self.deadline.moved(self.patience);
        let comings = self.lease.connection().comings.count();
        let mut sender = self.lease.sender();
        let is_whole = body.is_end_stream();
        let sent = sender.send_request(head, is_whole);
        let (mut answer, stream) = match sent {
            Ok(sent) => sent,
            Err(why) => {
                self.lease.connection().retire();
                return Err(not_sent(why));
            }
        };
        if !is_whole {
            self.upload = Upload::of(body, stream);
        }
        match self.head(&mut answer, meanwhile).await {
            Some(Ok(answer)) => {
                self.lease.has_served();
                self.answered_after = asked.elapsed();
                let length = if to_head {
                    None
                } else {
                    length(answer.headers())
                };
                Ok(answer.map(|stream| Received::new(stream, length)))
            }
            Some(Err(why)) => Err(self.broken(why, not_sent)),
            None => {
                // What says nothing at all to anybody shall not be given to others.
                if self.lease.connection().comings.count() == comings {
                    self.lease.connection().retire();
                }
                Err(ExchangeError::TimedOut(self.patience))
            }
        }
    }

    /// `None`: the upstream was silent for too long.
    async fn head(
        &mut self,
        answer: &mut ResponseFuture,
        mut meanwhile: impl FnMut(&[Bytes]),
    ) -> Option<Result<Response<h2::RecvStream>, Why>> {
        let mut interim = 0;
        poll_fn(|cx| {
            loop {
                if self.upload.drive(cx) {
                    self.deadline.move_to(self.patience);
                }
                match answer.poll_informational(cx) {
                    Poll::Ready(Some(Ok(came))) => {
                        interim += 1;
                        if interim > MOST_INTERIM {
                            return Poll::Ready(Some(Err(Why::TooManyInterim)));
                        }
                        // SECURITY: HTTP/2 has no such answer (RFC 9113 §8.6), and HTTP/1.1 ends
                        // with it.
                        if came.status() == StatusCode::SWITCHING_PROTOCOLS {
                            return Poll::Ready(Some(Err(Why::Switched)));
                        }
                        self.deadline.move_to(self.patience);
                        meanwhile(&[head::interim(&came)]);
                    }
                    Poll::Ready(Some(Err(why))) => return Poll::Ready(Some(Err(why.into()))),
                    Poll::Ready(None) | Poll::Pending => break,
                }
            }
            if let Poll::Ready(answered) = std::pin::Pin::new(&mut *answer).poll(cx) {
                return Poll::Ready(Some(answered.map_err(Why::from)));
            }
            self.deadline.poll(cx).map(|()| None)
        })
        .await
    }

    fn broken(&self, why: Why, not_sent: impl FnOnce(h2::Error) -> ExchangeError) -> ExchangeError {
        let why = match why {
            Why::TooManyInterim => return ExchangeError::Broken(Broken::TooManyInterim),
            Why::Switched => return ExchangeError::Broken(Broken::Switched),
            Why::Codec(why) => why,
        };
        let is_refused = why.is_reset() && why.reason() == Some(Reason::REFUSED_STREAM);
        // RFC 9113 §8.7, §6.8: what was refused, and what came after the last one that the upstream
        // took, was not looked at.
        let is_unprocessed = why.is_remote() && (is_refused || why.is_go_away());
        if !why.is_reset() {
            self.lease.connection().retire();
        }
        if is_unprocessed {
            return not_sent(why);
        }
        match why.is_io() {
            true => ExchangeError::Unanswered,
            false => ExchangeError::Broken(why.into()),
        }
    }

    /// Sends on what is left of the request while an answer's body is read.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        if self.upload.drive(cx) {
            self.deadline.move_to(self.patience);
        }
    }

    /// A piece of the answer has come.
    pub fn came(&mut self) {
        self.awaits = false;
    }

    /// To be asked when a piece has not come: ready when the upstream was silent for too long.
    pub fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        if !std::mem::replace(&mut self.awaits, true) {
            self.deadline.move_to(self.patience);
        }
        self.deadline.poll(cx).map(|()| self.patience)
    }
}

enum Why {
    Codec(h2::Error),
    TooManyInterim,
    Switched,
}

impl From<h2::Error> for Why {
    fn from(why: h2::Error) -> Self {
        Self::Codec(why)
    }
}

/// The codec has refused what is no length, or several.
fn length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}
