//! An answer's body as it comes by HTTP/2, its trailers held to the rules of HTTP/1.1's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderName};
use http_body::{Body, Frame, SizeHint};

use crate::http1::is_of_the_head;

#[derive(Debug)]
pub struct Received {
    stream: RecvStream,
    /// What `Content-Length` says is to come still.
    left: Option<u64>,
    has_ended: bool,
}

impl Received {
    /// `length`: of the body, where the head tells it.
    pub(super) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        Self {
            has_ended: stream.is_end_stream(),
            left: length,
            stream,
        }
    }

    /// An upstream that has answered wholly may take its leave of a request whose body still comes
    /// (RFC 9113 §8.1). The codec has held the answer to its length.
    fn is_leave(&self, why: &h2::Error) -> bool {
        why.is_reset()
            && why.is_remote()
            && why.reason() == Some(Reason::NO_ERROR)
            && self.left.unwrap_or(0) == 0
    }

    fn end<T>(&mut self) -> Poll<Option<T>> {
        self.has_ended = true;
        Poll::Ready(None)
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let me = self.get_mut();
        if me.has_ended {
            return Poll::Ready(None);
        }
        match ready!(me.stream.poll_data(cx)) {
            Some(Ok(data)) => {
                // Room for as much again; that there is no stream any more is told by what comes next.
                let _ = me.stream.flow_control().release_capacity(data.len());
                me.left = me.left.map(|left| left.saturating_sub(data.len() as u64));
                me.has_ended = me.stream.is_end_stream();
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            Some(Err(why)) if me.is_leave(&why) => return me.end(),
            Some(Err(why)) => return Poll::Ready(Some(Err(why))),
            None => {}
        }
        match ready!(me.stream.poll_trailers(cx)) {
            Ok(Some(trailers)) => {
                me.has_ended = true;
                Poll::Ready(Some(Ok(Frame::trailers(proper(trailers)))))
            }
            Ok(None) => me.end(),
            Err(why) if me.is_leave(&why) => me.end(),
            Err(why) => Poll::Ready(Some(Err(why))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            _ if self.has_ended => SizeHint::with_exact(0),
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

/// SECURITY: whoever merges trailers into the head would read another message (RFC 9110 §6.5.1).
fn proper(mut trailers: HeaderMap) -> HeaderMap {
    let improper = |name: &&HeaderName| is_of_the_head(name.as_str());
    let gone: Vec<_> = trailers.keys().filter(improper).cloned().collect();
    for name in gone {
        trailers.remove(name);
    }
    trailers
}
