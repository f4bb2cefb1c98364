//! The stream below the codec. How long may a peer take, and how much may it send before it makes
//! sense? Whatever can be read in two ways ends here, and so does who is too slow.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::conversation::{Conversation, Stage};
use super::crowd::{Crowd, Unfinished};
use super::deadline::{Deadline, timed_out};
use super::framed::{Came, Framed};
use super::linger::Linger;
use super::pace::Pace;
use super::socket::{CallerSocket, CallerStream};
use super::stall::Stall;
use super::{Limits, Misread, Timeouts};
use crate::http1::{self, Place, Violation, Walker};

/// How much of what comes before its turn is taken in.
const MOST_AHEAD: usize = 64 * 1024;

/// A stream whose peer may not take for ever, nor say what has two meanings.
pub(super) struct GuardedIo {
    framed: Framed<CallerSocket>,
    timeouts: Timeouts,
    conversation: Arc<Conversation>,
    /// Of the head or the body at hand.
    deadline: Deadline,
    /// How long the body at hand is waited for now.
    awaits_body: Option<Duration>,
    pace: Pace,
    stall: Stall,
    /// The peer has closed its half: it may still wait for an answer (RFC 9112 §9.6).
    half_closed: bool,
    unfinished: Unfinished,
    /// Of ours, and not the codec's: what is sent before anything else.
    unsent: Bytes,
}

impl GuardedIo {
    pub(super) fn new(
        (socket, read): (CallerSocket, BytesMut),
        limits: &Limits,
        timeouts: Timeouts,
        conversation: Arc<Conversation>,
        crowd: Arc<Crowd>,
    ) -> Self {
        let walker = Walker::requests(http1::Limits {
            head: limits.header,
            target: limits.uri,
        });
        Self {
            framed: Framed::new(socket, walker).with(read),
            deadline: Deadline::after(timeouts.header),
            timeouts,
            unfinished: Unfinished::of(crowd, Arc::clone(&conversation)),
            conversation,
            awaits_body: None,
            pace: Pace::new(timeouts.body, limits.body_rate),
            stall: Stall::of(timeouts.body),
            half_closed: false,
            unsent: Bytes::new(),
        }
    }

    /// Whether what is read now is of the message at hand, whose end may be judged and wait for room.
    fn is_in_message(&self) -> bool {
        self.framed.has_judged() || self.framed.walker.place() == Place::Body
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.conversation.stage() {
            Stage::Idle | Stage::Head => self.read_head(cx, buf),
            Stage::Parsing | Stage::Serving | Stage::Unread | Stage::Sending | Stage::Answered
                if self.is_in_message() =>
            {
                self.read_body(cx, buf)
            }
            Stage::Serving | Stage::Unread | Stage::Sending => self.watch(cx, buf),
            Stage::Answered => {
                self.conversation.set(Stage::Idle);
                self.read_head(cx, buf)
            }
            // The codec has a whole head and wants more: it reads it otherwise than we do.
            Stage::Parsing => Poll::Ready(Err(self.refuse(Misread::Codec))),
            Stage::Refused | Stage::Gone => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }

    fn read_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.half_closed && !self.framed.has_pending() {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = self.framed.poll_next(cx, buf);
        if read.is_pending() && self.framed.has_pending() {
            // Most heads come in one piece: they need no deadline, and are not counted.
            if self.conversation.stage() == Stage::Idle {
                self.deadline.move_to(self.timeouts.header);
                let now = self.deadline.moved(self.timeouts.header);
                let now = self.unfinished.crowd.clock(now);
                self.conversation.since(Stage::Head, now);
            }
            if self.conversation.is_leaving() {
                return Poll::Ready(Err(self.refuse(Misread::Crowded)));
            }
            self.unfinished.is(self.framed.pending_bytes());
        }
        match read {
            Poll::Ready(Ok(Came::Bytes)) => {
                self.unfinished.none();
                self.pace.begin();
                let ends_with_the_head = buf.filled().ends_with(b"\r\n\r\n");
                let body = self.is_in_message() || self.framed.has_pending();
                if self.conversation.passes_head(body && !ends_with_the_head) {
                    return Poll::Ready(Ok(()));
                }
                buf.set_filled(before);
                if self.conversation.stage() == Stage::Head {
                    return Poll::Ready(Err(self.refuse(Misread::Crowded)));
                }
                // The connection's task ends it, as if the request had come a moment later.
                Poll::Pending
            }
            Poll::Ready(Ok(Came::End | Came::Interim(_))) => {
                self.conversation.set(Stage::Gone);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(why)) => Poll::Ready(Err(self.refused(why))),
            Poll::Pending if self.conversation.stage() == Stage::Head => {
                let late = self.deadline.poll(cx);
                late.map(|()| Err(self.refuse(Misread::Late)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn read_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match self.framed.poll_next(cx, buf) {
            Poll::Ready(read) => {
                if let Some(span) = self.awaits_body.take() {
                    self.pace.waited(self.deadline.since_moved(span));
                }
                self.pace.came(buf.filled().len() - before);
                Poll::Ready(read.map(|_| ()))
            }
            Poll::Pending => {
                if self.awaits_body.is_none() {
                    let span = self.pace.patience();
                    self.awaits_body = Some(span);
                    self.deadline.move_to(span);
                }
                let late = self.deadline.poll(cx);
                late.map(|()| Err(timed_out("the body was not waited for")))
            }
        }
    }

    /// While a request is served: what comes is kept for its turn, and that the peer is gone is an
    /// error now.
    fn watch(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let most = match self.unfinished.crowd.is_pressed() {
            true => 0,
            false => MOST_AHEAD,
        };
        if !self.half_closed {
            match self.framed.poll_ahead(cx, buf, most) {
                Poll::Ready(Ok(open)) => self.half_closed = !open,
                Poll::Ready(Err(why)) => return Poll::Ready(Err(why)),
                Poll::Pending => {}
            }
        }
        if self.half_closed && self.conversation.may_be_abandoned() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if self.framed.has_pending() {
            self.unfinished.is(self.framed.pending_bytes());
        }
        if self.half_closed || self.framed.has_pending() || most == 0 {
            self.conversation.wake_when_answered(cx.waker());
        }
        Poll::Pending
    }

    fn refused(&self, why: io::Error) -> io::Error {
        let violation = why.get_ref().and_then(|it| it.downcast_ref::<Violation>());
        match violation {
            Some(Violation::Truncated) | None => self.conversation.set(Stage::Gone),
            Some(violation) => self.conversation.broken(*violation, self.framed.told()),
        }
        why
    }

    fn refuse(&self, why: Misread) -> io::Error {
        self.conversation.refuse(why);
        timed_out("no request was read")
    }

    /// Whether what the codec writes is an answer of its own to what it could not read.
    fn is_codecs_own(&self) -> bool {
        match self.conversation.stage() {
            Stage::Parsing => {
                self.conversation.refuse(Misread::Codec);
                true
            }
            Stage::Refused | Stage::Gone => true,
            _ => false,
        }
    }

    /// Sends what comes before anything of the codec's.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(interim) = self.conversation.take_interim() {
            self.unsent = Bytes::from([&*self.unsent, &*interim].concat());
        }
        while self.unsent.has_remaining() {
            let written = Pin::new(&mut self.framed.stream).poll_write(cx, &self.unsent);
            let bytes = ready!(self.stall.bound(cx, written))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(bytes);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes an answer of the edge's own, where the peer has room for it, and takes leave.
    pub(super) async fn say(&mut self, answer: Bytes) {
        self.unsent = answer;
        // Who is to make room gets what its socket takes now.
        let leaves = self.conversation.is_leaving();
        let _ = std::future::poll_fn(|cx| match self.poll_unsent(cx) {
            Poll::Pending if leaves => Poll::Ready(Ok(())),
            sent => sent,
        })
        .await;
    }

    /// Takes leave: closes our half, and lets the peer read what was written to it.
    pub(super) async fn close(&mut self) {
        if self.conversation.is_cut() {
            self.framed.stream.reset_on_close();
            return;
        }
        let interrupted = self.is_in_message()
            || matches!(self.conversation.stage(), Stage::Refused | Stage::Unread);
        // Whoever is to make room is not waited for.
        let mut linger = Linger::new(interrupted, !self.conversation.is_leaving());
        // A peer that is gone needs no goodbye.
        let _ = std::future::poll_fn(|cx| {
            let ended = Pin::new(&mut self.framed.stream).poll_shutdown(cx);
            self.stall.bound(cx, ended)
        })
        .await;
        std::future::poll_fn(|cx| linger.poll(cx, Pin::new(&mut self.framed.stream))).await;
    }

    /// What takes over after `101`, with what is to be sent on it first, and what came already.
    pub(super) fn into_caller(self, read: Bytes) -> CallerStream {
        let (socket, pending) = self.framed.into_parts();
        CallerStream {
            socket,
            unsent: self.unsent,
            read: Bytes::from([&*read, &*pending].concat()),
        }
    }
}

impl AsyncRead for GuardedIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().read(cx, buf)
    }
}

impl AsyncWrite for GuardedIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        if me.is_codecs_own() {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        ready!(me.poll_unsent(cx))?;
        let written = Pin::new(&mut me.framed.stream).poll_write_vectored(cx, slices);
        if written.is_pending() && me.conversation.is_switching() {
            // The codec lets go of the connection with the head of its `101`, sent or not.
            me.unsent = slices.iter().flat_map(|it| it.iter().copied()).collect();
            return Poll::Ready(Ok(me.unsent.len()));
        }
        me.stall.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.framed.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        ready!(me.poll_unsent(cx))?;
        let flushed = Pin::new(&mut me.framed.stream).poll_flush(cx);
        // The codec flushes when it holds nothing more itself.
        if matches!(flushed, Poll::Ready(Ok(()))) {
            me.conversation.flushed();
        }
        me.stall.bound(cx, flushed)
    }

    /// The codec has done its part; the connection's task takes leave by `close`.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
