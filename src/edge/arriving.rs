//! A request's body as it arrives, by whichever protocol; why one breaks off, in one word. On HTTP/1.1
//! the guard below the codec bounds its time; on HTTP/2 each stream's body does so itself.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::http2::StreamBody;
use crate::http1::Violation;
use crate::http2::Fault;

pub enum Arriving {
    Nothing,
    Http1(Incoming),
    Http2(Box<StreamBody>),
}

/// Why a body broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("it was not waited for any longer")]
    Late,
    #[error("where it ends is not told, or told twice")]
    Framing,
    #[error("its sender is gone")]
    Gone,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Nothing => Poll::Ready(None),
            Self::Http1(incoming) => {
                let frame = Pin::new(incoming).poll_frame(cx);
                frame.map(|frame| frame.map(|frame| frame.map_err(|why| Broken::of_codec(&why))))
            }
            Self::Http2(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Http1(incoming) => incoming.is_end_stream(),
            Self::Http2(stream) => stream.has_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Http1(incoming) => incoming.size_hint(),
            Self::Http2(stream) => stream.size_hint(),
        }
    }
}

impl Broken {
    #[cold]
    fn of_codec(why: &hyper::Error) -> Self {
        let cause = why.source().and_then(|it| it.downcast_ref::<io::Error>());
        let Some(cause) = cause else {
            return Self::Gone;
        };
        let violation = cause.get_ref().and_then(|it| it.downcast_ref());
        match (cause.kind(), violation) {
            (_, Some(Violation::Truncated)) => Self::Gone,
            (io::ErrorKind::TimedOut, _) => Self::Late,
            (io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData, _) => Self::Framing,
            _ => Self::Gone,
        }
    }
}

impl From<Fault> for Broken {
    fn from(_: Fault) -> Self {
        Self::Framing
    }
}
