//! An answer's body on its way to the caller. It keeps the request's record: where it ends, or is
//! dropped, the request ends.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::bound::Bound;
use super::failure::{self, Failure};
use super::grpc;
use crate::admission::Record;
use crate::edge::{BoxError, Conversation};
use crate::outbound::{AnswerStream, Carrier, Visit};
use crate::reason::Reason;

pub enum AnswerBody {
    Ours(Option<Bytes>, Box<Record>),
    Theirs(Box<Relayed>),
    /// Behind `101`.
    Nothing,
}

/// A body that an upstream sends.
pub struct Relayed {
    incoming: AnswerStream,
    /// Until it is free again.
    carrier: Option<Carrier>,
    visit: Visit,
    conversation: Arc<Conversation>,
    /// Nothing but the connection's end tells the caller where the body ends.
    is_open_ended: bool,
    /// Of the whole request, where it is bounded in time.
    bound: Option<Bound>,
    /// Its caller reads how it ended from gRPC's trailers.
    is_grpc: bool,
    broken: Option<BoxError>,
    /// It broke, and its caller was told in trailers.
    is_told: bool,
    has_ended: bool,
    status: u16,
    sent: u64,
    record: Box<Record>,
}

impl AnswerBody {
    pub(super) fn ours(bytes: Bytes, record: Box<Record>) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self::Ours(bytes, record)
    }
}

/// What an answer needs beside its bytes.
pub(super) struct Way {
    pub(super) carrier: Carrier,
    pub(super) visit: Visit,
    pub(super) conversation: Arc<Conversation>,
    pub(super) is_open_ended: bool,
    pub(super) bound: Option<Bound>,
    pub(super) is_grpc: bool,
    pub(super) status: u16,
}

impl Relayed {
    pub(super) fn new(incoming: AnswerStream, way: Way, record: Box<Record>) -> Box<Self> {
        let mut relayed = Box::new(Self {
            has_ended: incoming.is_end_stream(),
            incoming,
            carrier: Some(way.carrier),
            visit: way.visit,
            conversation: way.conversation,
            is_open_ended: way.is_open_ended,
            bound: way.bound,
            is_grpc: way.is_grpc,
            broken: None,
            is_told: false,
            status: way.status,
            sent: 0,
            record,
        });
        // Most answers are here as a whole when their head is.
        relayed.give_back();
        relayed
    }

    /// Gives the connection back as soon as it can take another request: before the caller has all
    /// of the answer, who may ask again at once.
    fn give_back(&mut self) {
        if self.carrier.as_ref().is_some_and(Carrier::is_free)
            && let Some(carrier) = self.carrier.take()
        {
            self.visit.endpoint().keep(carrier);
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(why) = self.broken.take() {
            return Poll::Ready(Some(Err(why)));
        }
        if self.is_told {
            return Poll::Ready(None);
        }
        if let Some(carrier) = &mut self.carrier {
            carrier.drive(cx);
        }
        if let Some(bound) = &mut self.bound
            && bound.poll(cx).is_ready()
        {
            let why = bound.failure(true);
            return self.break_off(cx, why);
        }
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(carrier) = &mut self.carrier {
                    carrier.came();
                }
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                // Nobody asks for what is behind trailers.
                self.has_ended = self.incoming.is_end_stream() || frame.is_trailers();
                self.give_back();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(why))) => self.break_off(cx, failure::broken(&why)),
            Poll::Ready(None) => {
                self.has_ended = true;
                self.give_back();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let Some(carrier) = &mut self.carrier else {
                    return Poll::Pending;
                };
                let Poll::Ready(patience) = carrier.poll_silence(cx) else {
                    return Poll::Pending;
                };
                let why = format!("the upstream was silent for {patience:?}");
                self.break_off(cx, Failure::new(Reason::UpstreamTimeout, why))
            }
        }
    }

    /// What was sent so far leaves before the connection ends: the codec writes nothing more once it
    /// is told.
    fn break_off(
        &mut self,
        cx: &mut Context<'_>,
        why: Failure,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_grpc {
            let trailers = grpc::trailers(why.reason);
            self.record.fail(why.reason, why.detail);
            (self.is_told, self.has_ended) = (true, true);
            // With it goes what is left of the request.
            self.carrier = None;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        self.broken = Some(why.detail.clone().into());
        self.record.fail(why.reason, why.detail);
        if self.is_open_ended {
            self.conversation.cut();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        if !self.has_ended {
            let why = "the caller left in the middle of its answer";
            self.record.fail(Reason::ClientClosed, why.to_owned());
        }
        self.record.answered(self.status, self.sent);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Ours(bytes, _) => Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Self::Theirs(relayed) => relayed.poll(cx),
            Self::Nothing => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ours(bytes, _) => bytes.is_none(),
            Self::Theirs(relayed) => relayed.incoming.is_end_stream(),
            Self::Nothing => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ours(bytes, _) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |it| it.len() as u64))
            }
            Self::Theirs(relayed) => relayed.incoming.size_hint(),
            Self::Nothing => SizeHint::with_exact(0),
        }
    }
}
