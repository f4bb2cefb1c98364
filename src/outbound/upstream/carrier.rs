//! What carries one request and its answer: a connection of its own by HTTP/1.1, or a place on one
//! that others use too, by HTTP/2.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::http2::{Received, Stream};
use super::{RequestBody, UpstreamSocket};

pub enum Carrier {
    Own(Box<Connection>),
    Shared(Box<Stream>),
}

/// Why an exchange has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The upstream has not looked at it, so it may be sent on another connection.
    #[error("the connection had been closed")]
    NotSent(Box<Request<RequestBody>>),
    /// The connection ended before a byte of the answer came.
    #[error("the upstream closed the connection without an answer")]
    Unanswered,
    #[error("the upstream was silent for {0:?}")]
    TimedOut(Duration),
    #[error(transparent)]
    Broken(Broken),
}

/// How an answer broke.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error(transparent)]
    Http1(#[from] hyper::Error),
    #[error("{}", told(.0))]
    Http2(#[from] h2::Error),
    #[error("the answer is not HTTP as it should be: too many interim answers")]
    TooManyInterim,
    #[error("the answer is not HTTP/2 as it should be: 101")]
    Switched,
    /// Ruled out when the request was read.
    #[error("the request has no head in HTTP/2")]
    Unwritable,
}

impl Carrier {
    /// Whether it stands on a connection that has served a request before.
    pub fn is_reused(&self) -> bool {
        match self {
            Self::Own(connection) => connection.is_reused(),
            Self::Shared(stream) => stream.is_reused(),
        }
    }

    /// Whether an upstream may say that it has not looked at a request, after some of it was sent.
    pub fn may_refuse(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Sends a request and waits for the head of its answer; `meanwhile` is told what comes before.
    pub async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        meanwhile: impl FnMut(&[Bytes]),
    ) -> Result<Response<AnswerStream>, ExchangeError> {
        match self {
            Self::Own(connection) => {
                let answer = connection.exchange(request, meanwhile).await?;
                Ok(answer.map(AnswerStream::Http1))
            }
            // Large, and most upstreams need none.
            Self::Shared(stream) => {
                let answer = Box::pin(stream.exchange(request, meanwhile)).await?;
                Ok(answer.map(AnswerStream::Http2))
            }
        }
    }

    /// How long the upstream took to the head of its last answer.
    pub fn answered_after(&self) -> Duration {
        match self {
            Self::Own(connection) => connection.answered_after(),
            Self::Shared(stream) => stream.answered_after(),
        }
    }

    /// Drives it on while an answer's body is read.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        match self {
            Self::Own(connection) => connection.drive(cx),
            Self::Shared(stream) => stream.drive(cx),
        }
    }

    /// A piece of the answer has come.
    pub fn came(&mut self) {
        if let Self::Shared(stream) = self {
            stream.came();
        }
    }

    /// To be asked when a piece has not come: ready when the upstream was silent for too long.
    pub fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        match self {
            Self::Own(connection) => connection.poll_silence(cx),
            Self::Shared(stream) => stream.poll_silence(cx),
        }
    }

    /// Whether it has answered wholly and can take another request. A place is never free again: it
    /// is given up with the answer.
    pub fn is_free(&self) -> bool {
        match self {
            Self::Own(connection) => connection.is_free(),
            Self::Shared(_) => false,
        }
    }

    /// After `101`: the stream, and what came on it behind the answer's head.
    pub fn into_stream(self) -> Option<(UpstreamSocket, Bytes)> {
        match self {
            Self::Own(connection) => connection.into_stream(),
            Self::Shared(_) => None,
        }
    }
}

/// An answer's body as an upstream sends it.
#[derive(Debug)]
pub enum AnswerStream {
    Http1(Incoming),
    Http2(Received),
}

impl Body for AnswerStream {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(Broken::from),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(Broken::from),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}

/// Who ended it, and why. What else a peer says with its goodbye is not quoted.
pub(super) fn told(why: &h2::Error) -> String {
    let reason = match why.reason() {
        Some(reason) => format!("{reason:?}"),
        None => String::new(),
    };
    match why.get_io() {
        Some(io) => format!("the connection broke: {io}"),
        None if !why.is_remote() => {
            format!("the answer is not HTTP/2 as it should be: {reason}")
        }
        None if why.is_go_away() => format!("the upstream ended the connection: {reason}"),
        None => format!("the upstream reset the request: {reason}"),
    }
}
