//! The stream below the codec of a connection to an upstream: its answers are followed as requests
//! are, and interim ones are taken out, for hyper would drop them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use parking_lot::Mutex;
use pingora::protocols::Stream as TlsStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::edge::{Came, Framed, Socket};
use crate::http1::{Limits, Violation, Walker};

/// How large an answer's head may be, in bytes.
pub(super) const MOST_HEAD: usize = 64 * 1024;

/// An upstream's.
pub type UpstreamSocket = Socket<TlsStream>;

/// What the stream and whoever drives the connection tell each other.
#[derive(Default)]
pub(super) struct Line {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A request goes out; whether it is HEAD.
    asked: Option<bool>,
    interim: Vec<Bytes>,
    /// Something has come since the request.
    has_come: bool,
    /// Something has come, or been taken, since somebody asked.
    progress: bool,
    /// Some of the request has been taken. That its beginning was is no progress: time counts from
    /// there.
    is_begun: bool,
}

impl Line {
    /// To be said before a request is sent.
    pub(super) fn ask(&self, to_head: bool) {
        *self.state.lock() = State {
            asked: Some(to_head),
            ..State::default()
        };
    }

    /// Whether a byte of the answer has come.
    pub(super) fn has_come(&self) -> bool {
        self.state.lock().has_come
    }

    fn written<T>(&self, written: &Poll<T>) {
        if written.is_ready() {
            let mut state = self.state.lock();
            state.progress |= std::mem::replace(&mut state.is_begun, true);
        }
    }

    /// Whether anything moved since this was asked last.
    pub(super) fn progressed(&self) -> bool {
        std::mem::take(&mut self.state.lock().progress)
    }

    /// The heads of interim answers that have come.
    pub(super) fn interim(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.state.lock().interim)
    }
}

pub(super) struct AnswerIo {
    framed: Framed<UpstreamSocket>,
    line: Arc<Line>,
}

impl AnswerIo {
    pub(super) fn new(socket: UpstreamSocket, line: Arc<Line>) -> Self {
        let limits = Limits {
            head: MOST_HEAD,
            target: 0,
        };
        Self {
            framed: Framed::new(socket, Walker::answers(limits)),
            line,
        }
    }

    /// The stream, and what was read and not handed on.
    pub(super) fn into_parts(self) -> (UpstreamSocket, Bytes) {
        self.framed.into_parts()
    }
}

impl AsyncRead for AnswerIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if let Some(to_head) = me.line.state.lock().asked.take() {
            // SECURITY: what came before the request is not the answer to it.
            if me.framed.has_pending() {
                let unasked = io::Error::new(io::ErrorKind::InvalidData, Violation::Unasked);
                return Poll::Ready(Err(unasked));
            }
            me.framed.walker.expect_answer(to_head);
        }
        loop {
            let came = ready!(me.framed.poll_next(cx, buf));
            let mut state = me.line.state.lock();
            state.progress = true;
            match came {
                Ok(Came::Interim(head)) => {
                    state.has_come = true;
                    state.interim.push(head);
                }
                Ok(Came::Bytes) => {
                    state.has_come = true;
                    return Poll::Ready(Ok(()));
                }
                Ok(Came::End) => return Poll::Ready(Ok(())),
                Err(why) => {
                    state.has_come |= why.kind() == io::ErrorKind::InvalidData;
                    return Poll::Ready(Err(why));
                }
            }
        }
    }
}

impl AsyncWrite for AnswerIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = Pin::new(&mut me.framed.stream).poll_write(cx, bytes);
        me.line.written(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = Pin::new(&mut me.framed.stream).poll_write_vectored(cx, slices);
        me.line.written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.framed.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().framed.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().framed.stream).poll_shutdown(cx)
    }
}
