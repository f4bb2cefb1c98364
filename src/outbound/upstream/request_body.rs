//! What of a request's body goes to an upstream: bounded, held back until the upstream asks for it
//! where the caller waits for that (RFC 9110 §10.1.1), and kept for a second attempt while it is
//! small.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use parking_lot::Mutex;

use crate::edge::{Arriving, Broken};
use crate::reason::Reason;

/// Bytes of a body that are kept for another attempt, and no more.
const MOST_KEPT: usize = 64 * 1024;

/// Takes off the trailer fields that may not go on.
type TrailerRules = Box<dyn Fn(&mut HeaderMap) + Send>;

/// A request's body, as each attempt may send it.
#[derive(Clone)]
pub struct RequestBody {
    /// `None` where there is no body.
    source: Option<Arc<Mutex<Source>>>,
    /// How many of the kept pieces this attempt has sent.
    sent: usize,
}

struct Source {
    incoming: Arriving,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    keeps: Keeps,
    received: u64,
    most: u64,
    is_held_back: bool,
    failure: Option<Reason>,
    trailer_rules: TrailerRules,
    has_ended: bool,
    waits: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    All,
    /// No attempt will follow this one.
    NoMore,
    /// There was too much of it.
    Lost,
}

/// Why a body was not sent to its end; the relay asks for the reason.
#[derive(Debug, thiserror::Error)]
#[error("the request's body: {0}")]
pub struct BodyFailure(Reason);

impl RequestBody {
    /// A body of `most` bytes at most.
    pub fn new(incoming: Arriving, most: u64, trailer_rules: TrailerRules) -> Self {
        Self {
            source: Some(Arc::new(Mutex::new(Source {
                incoming,
                kept: Vec::new(),
                kept_bytes: 0,
                keeps: Keeps::All,
                received: 0,
                most,
                is_held_back: false,
                failure: None,
                trailer_rules,
                has_ended: false,
                waits: None,
            }))),
            sent: 0,
        }
    }

    pub const fn none() -> Self {
        Self {
            source: None,
            sent: 0,
        }
    }

    pub fn is_none(&self) -> bool {
        self.source.is_none()
    }

    /// The same body from its beginning; `None` where some of it is no longer there.
    pub fn again(&self) -> Option<Self> {
        let source = self.source.clone();
        let lost = source.as_ref().is_some_and(|source| {
            let source = source.lock();
            source.keeps != Keeps::All && source.received > 0
        });
        (!lost).then_some(Self { source, sent: 0 })
    }

    /// Says that no attempt will follow: pieces need not be kept any longer.
    pub fn is_the_last(&self) {
        if let Some(source) = &self.source {
            let mut source = source.lock();
            if source.keeps == Keeps::All {
                source.keeps = Keeps::NoMore;
            }
        }
    }

    /// Sends nothing before `release`.
    pub fn hold_back(&self) {
        if let Some(source) = &self.source {
            source.lock().is_held_back = true;
        }
    }

    /// Whether somebody waited for it.
    pub fn release(&self) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        let mut source = source.lock();
        if let Some(waker) = source.waits.take() {
            waker.wake();
        }
        std::mem::take(&mut source.is_held_back)
    }

    pub fn is_held_back(&self) -> bool {
        let source = self.source.as_ref();
        source.is_some_and(|source| source.lock().is_held_back)
    }

    /// What ended it before its end.
    pub fn failure(&self) -> Option<Reason> {
        self.source.as_ref()?.lock().failure
    }

    /// Whether this attempt has sent all of it.
    pub(super) fn is_sent(&self) -> bool {
        let source = self.source.as_ref();
        source.is_none_or(|source| {
            let source = source.lock();
            source.has_ended && self.sent >= source.kept.len()
        })
    }

    /// Whether all of it has been received.
    pub fn has_ended(&self) -> bool {
        let source = self.source.as_ref();
        source.is_none_or(|source| source.lock().has_ended)
    }
}

impl Source {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        sent: &mut usize,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        if let Some(piece) = self.kept.get(*sent) {
            *sent += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if self.is_held_back {
            self.waits = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
            None => {
                self.has_ended = true;
                return Poll::Ready(None);
            }
            Some(Err(why)) => return Poll::Ready(Some(Err(self.fail(reason_of(why))))),
            Some(Ok(frame)) => frame,
        };
        if self.incoming.is_end_stream() {
            self.has_ended = true;
        }
        Poll::Ready(Some(match frame.into_data() {
            Ok(piece) => {
                self.received += piece.len() as u64;
                if self.received > self.most {
                    return Poll::Ready(Some(Err(self.fail(Reason::BodyTooLarge))));
                }
                self.keep(&piece);
                *sent = self.kept.len();
                Ok(Frame::data(piece))
            }
            Err(frame) => {
                self.has_ended = true;
                // Trailers come once; an attempt that has seen them is the last.
                self.keeps = Keeps::Lost;
                let mut trailers = frame.into_trailers().unwrap_or_default();
                (self.trailer_rules)(&mut trailers);
                Ok(Frame::trailers(trailers))
            }
        }))
    }

    fn keep(&mut self, piece: &Bytes) {
        if self.keeps != Keeps::All {
            return;
        }
        self.kept_bytes += piece.len();
        if self.kept_bytes > MOST_KEPT {
            self.keeps = Keeps::Lost;
            self.kept.clear();
        } else {
            self.kept.push(piece.clone());
        }
    }

    fn fail(&mut self, reason: Reason) -> BodyFailure {
        let reason = *self.failure.get_or_insert(reason);
        BodyFailure(reason)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("RequestBody")
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let me = self.get_mut();
        match &me.source {
            Some(source) => source.lock().poll_frame(cx, &mut me.sent),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }
}

/// What a body that broke off means for its caller.
fn reason_of(why: Broken) -> Reason {
    match why {
        Broken::Late => Reason::BodyTimeout,
        Broken::Framing => Reason::BadFraming,
        Broken::Gone => Reason::ClientClosed,
    }
}
