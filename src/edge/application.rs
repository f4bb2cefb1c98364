//! What stands behind a listener: it answers requests, and speaks for the edge where one was none.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};

use super::Conversation;
use super::arriving::Arriving;
use crate::http1::Violation;
use crate::http2::Fault;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Answers the requests of a listener's connections.
pub trait Application: Send + Sync + 'static {
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Dropped when the peer is gone. An error ends the connection without an answer.
    fn respond(
        self: Arc<Self>,
        request: Request<Arriving>,
        conversation: Arc<Conversation>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Abandoned>> + Send;

    /// Whether many peers come from this address, a proxy's.
    fn is_one_of_many(&self, _peer: IpAddr) -> bool {
        false
    }

    /// Whether the spelling of header names is kept on connections that begin now.
    fn preserves_header_case(&self) -> bool {
        false
    }

    /// What is said to a peer whose request never came to be one.
    fn refuse(&self, conversation: &Conversation, why: Misread) -> Response<Bytes>;
}

/// Nobody is left who would read an answer.
#[derive(Debug, thiserror::Error)]
#[error("the peer is gone")]
pub struct Abandoned;

/// Why bytes did not become a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    #[error("the request head took longer than timeouts.header")]
    Late,
    #[error("the request head was unfinished when its room was needed for others")]
    Crowded,
    #[error(transparent)]
    Broken(#[from] Violation),
    #[error(transparent)]
    Http2(#[from] Fault),
    /// It passed every rule of ours, and not the codec's.
    #[error("the request is not well-formed HTTP")]
    Codec,
}

/// An application's answer, whose end lets the connection go on.
pub(super) struct Answer<B> {
    pub(super) body: B,
    pub(super) conversation: Arc<Conversation>,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Answer<B> {
    fn drop(&mut self) {
        self.conversation.sending();
    }
}
