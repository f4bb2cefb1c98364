//! A request's body on a stream: taken as fast as it is asked for, and waited for no longer than it has
//! earned.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http_body::{Frame, SizeHint};

use crate::edge::arriving::Broken;
use crate::edge::deadline::Deadline;
use crate::edge::pace::Pace;
use crate::{http1, http2};

pub struct StreamBody {
    stream: RecvStream,
    /// Bytes that are still to come, where that was told.
    left: Option<u64>,
    has_ended: bool,
    pace: Pace,
    deadline: Deadline,
    /// How long it is waited for now.
    awaits: Option<Duration>,
    /// Set when it is asked for: the caller may wait for `100`.
    is_wanted: Arc<AtomicBool>,
}

impl StreamBody {
    pub(super) fn new(
        stream: RecvStream,
        left: Option<u64>,
        pace: Pace,
        is_wanted: Arc<AtomicBool>,
    ) -> Self {
        Self {
            has_ended: stream.is_end_stream(),
            stream,
            left,
            pace,
            deadline: Deadline::after(Duration::ZERO),
            awaits: None,
            is_wanted,
        }
    }

    pub(in crate::edge) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(in crate::edge) fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    pub(in crate::edge) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        self.is_wanted.store(true, Ordering::Relaxed);
        let data = match self.stream.poll_data(cx) {
            Poll::Pending => return self.waits(cx),
            Poll::Ready(data) => data,
        };
        if let Some(data) = data {
            self.waited();
            return Poll::Ready(Some(self.data(data).map(Frame::data)));
        }
        let trailers = match self.stream.poll_trailers(cx) {
            Poll::Pending => return self.waits(cx),
            Poll::Ready(trailers) => trailers,
        };
        self.has_ended = true;
        Poll::Ready(match trailers {
            Ok(None) => None,
            Ok(Some(fields)) => {
                let checked = http2::trailers(&fields, http1::is_of_the_head);
                Some(
                    checked
                        .map(|()| Frame::trailers(fields))
                        .map_err(Broken::from),
                )
            }
            Err(why) => Some(Err(broken(&why))),
        })
    }

    fn data(&mut self, data: Result<Bytes, h2::Error>) -> Result<Bytes, Broken> {
        let data = data.map_err(|why| broken(&why))?;
        self.pace.came(data.len());
        // Whoever asks for more has taken what came before; a stream that is gone needs no window.
        let _ = self.stream.flow_control().release_capacity(data.len());
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        self.has_ended = self.stream.is_end_stream();
        Ok(data)
    }

    fn waits<T>(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Broken>>> {
        if self.awaits.is_none() {
            let span = self.pace.patience();
            self.awaits = Some(span);
            self.deadline.move_to(span);
        }
        ready!(self.deadline.poll(cx));
        Poll::Ready(Some(Err(Broken::Late)))
    }

    fn waited(&mut self) {
        if let Some(span) = self.awaits.take() {
            self.pace.waited(self.deadline.since_moved(span));
        }
    }
}

/// A length that is not the one of its bytes is the codec's to see (RFC 9113 §8.1.1).
fn broken(why: &h2::Error) -> Broken {
    match why.reason() {
        Some(Reason::PROTOCOL_ERROR) if why.is_library() => Broken::Framing,
        _ => Broken::Gone,
    }
}
