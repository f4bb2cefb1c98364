//! How long may a peer take? Pingora 0.9.1 re-arms its timer with every read of a head and has
//! none between requests; this guard around the stream bounds the wait for a request, the whole
//! head, its size, and the time in which an answer is taken.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::http::ServerSession;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::{SslDigest, TlsRef};
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::Timeouts;
use super::linger::Linger;
use super::stage::{SharedStage, Stage};

/// A head and a short body leave in one segment. A stream made of a socket by us has no buffer of
/// Pingora's.
const WRITE_BUFFER: usize = 1460;

const LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const OVERSIZED: &[u8] = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\
    Connection: close\r\n\r\n";

/// Tells the edge that a request's head is complete: its deadline ends here. To be called first
/// thing with each request, in `early_request_filter` or `response`; a request that was answered
/// without it counts as refused by the parser.
pub fn headers_complete(session: &ServerSession) {
    reached(session, Stage::Serving);
}

/// Tells the edge that the request is answered before its body has come: the rest is waited for a
/// moment before the connection ends, or a reset could overtake the answer.
pub fn body_unread(session: &ServerSession) {
    reached(session, Stage::Unread);
}

fn reached(session: &ServerSession, stage: Stage) {
    let guard = session
        .as_http1()
        .and_then(|http1| http1.stream().as_any().downcast_ref::<GuardedIo>());
    if let Some(guard) = guard {
        guard.stage.set(stage);
    }
}

/// A stream whose peer may not take for ever.
pub(super) struct GuardedIo {
    inner: BufWriter<Stream>,
    timeouts: Timeouts,
    /// Of a head that is not complete yet, in bytes.
    most_head_bytes: usize,
    stage: SharedStage,
    /// Of the head at hand.
    head_bytes: usize,
    /// Of the stage, where it has one.
    deadline: Instant,
    /// Set only where a read has to wait, and then kept: most heads come in one piece.
    timer: Option<Pin<Box<Sleep>>>,
    /// Set only while a write waits.
    stall: Option<Pin<Box<Sleep>>>,
    linger: Option<Linger>,
}

impl GuardedIo {
    pub(super) fn new(
        stream: Stream,
        timeouts: Timeouts,
        most_head_bytes: usize,
    ) -> (Self, SharedStage) {
        let stage = SharedStage::new();
        let guard = Self {
            inner: BufWriter::with_capacity(WRITE_BUFFER, stream),
            deadline: after(timeouts.idle),
            timeouts,
            most_head_bytes,
            stage: stage.clone(),
            head_bytes: 0,
            timer: None,
            stall: None,
            linger: None,
        };
        (guard, stage)
    }

    pub(super) fn expect_request(&mut self) {
        self.stage.set(Stage::Idle);
        self.head_bytes = 0;
        self.deadline = after(self.timeouts.idle);
    }

    /// A read while no request, or not the whole head of one, is there.
    fn read_head(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        stage: Stage,
    ) -> Poll<io::Result<()>> {
        // Pingora asks for more only while what it has is no whole head.
        if stage == Stage::Head && self.head_bytes > self.most_head_bytes {
            return Poll::Ready(Err(self.refuse(cx, Stage::Oversized, OVERSIZED)));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        let bytes = buf.filled().len() - before;
        match (&read, stage) {
            (Poll::Ready(Ok(())), Stage::Idle) if bytes > 0 => {
                self.stage.set(Stage::Head);
                self.head_bytes = bytes;
                self.deadline = after(self.timeouts.header);
                read
            }
            (Poll::Ready(Ok(())), Stage::Head) if bytes > 0 => {
                self.head_bytes += bytes;
                if Instant::now() >= self.deadline {
                    return Poll::Ready(Err(self.refuse(cx, Stage::Late, LATE)));
                }
                read
            }
            (Poll::Ready(_), Stage::Head) => {
                self.stage.set(Stage::Gone);
                read
            }
            (Poll::Ready(_), _) => read,
            (Poll::Pending, stage) if self.is_due(cx) => Poll::Ready(Err(match stage {
                Stage::Head => self.refuse(cx, Stage::Late, LATE),
                _ => timed_out("no request came"),
            })),
            (Poll::Pending, _) => Poll::Pending,
        }
    }

    /// Whether the stage's deadline has passed; else the task is woken when it does, or before.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        // Every request moves the deadline on and next to none meets it: the timer is moved only
        // when it rings too early.
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        false
    }

    fn refuse(&mut self, cx: &mut Context<'_>, stage: Stage, answer: &[u8]) -> io::Error {
        self.stage.set(stage);
        // Best effort: a peer that has no room for one segment gets no answer.
        let mut inner = Pin::new(&mut self.inner);
        if inner.as_mut().poll_write(cx, answer).is_ready() {
            let _ = inner.poll_flush(cx);
        }
        timed_out("the request head was not waited for")
    }

    /// Bounds the time in which a peer takes nothing of what is written.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stall = None;
            return result;
        }
        let most = self.timeouts.body;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(most)));
        let rung = stall.as_mut().poll(cx);
        rung.map(|()| Err(timed_out("the peer does not read its answer")))
    }
}

impl AsyncRead for GuardedIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        match me.stage.now() {
            Stage::Serving | Stage::Unread | Stage::Refused | Stage::Gone => {
                Pin::new(&mut me.inner).poll_read(cx, buf)
            }
            stage @ (Stage::Idle | Stage::Head) => me.read_head(cx, buf, stage),
            Stage::Late | Stage::Oversized => {
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }
}

impl AsyncWrite for GuardedIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        if me.stage.now() == Stage::Head {
            me.stage.set(Stage::Refused);
        }
        let result = Pin::new(&mut me.inner).poll_write(cx, bytes);
        me.written(cx, result)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let result = Pin::new(&mut me.inner).poll_flush(cx);
        me.written(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        if let Some(linger) = &mut me.linger {
            return linger.poll(cx, Pin::new(&mut me.inner)).map(Ok);
        }
        let ended = Pin::new(&mut me.inner).poll_shutdown(cx);
        ready!(me.written(cx, ended))?;
        let interrupted = matches!(
            me.stage.now(),
            Stage::Late | Stage::Oversized | Stage::Refused | Stage::Unread
        );
        me.linger
            .insert(Linger::new(interrupted))
            .poll(cx, Pin::new(&mut me.inner))
            .map(Ok)
    }
}

#[async_trait]
impl Shutdown for GuardedIo {
    async fn shutdown(&mut self) {
        // A peer that is gone needs no goodbye.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for GuardedIo {
    fn id(&self) -> UniqueIDType {
        self.inner.get_ref().id()
    }
}

impl Ssl for GuardedIo {
    fn get_ssl(&self) -> Option<&TlsRef> {
        self.inner.get_ref().get_ssl()
    }

    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ref().get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.get_ref().selected_alpn_proto()
    }
}

impl GetTimingDigest for GuardedIo {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_ref().get_timing_digest()
    }
}

impl GetProxyDigest for GuardedIo {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_ref().get_proxy_digest()
    }
}

impl GetSocketDigest for GuardedIo {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_ref().get_socket_digest()
    }
}

impl Peek for GuardedIo {}

impl fmt::Debug for GuardedIo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GuardedIo")
            .field("stage", &self.stage.now())
            .finish_non_exhaustive()
    }
}

fn timed_out(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// Now and `span` more. A span that no clock can hold is one that never ends.
fn after(span: Duration) -> Instant {
    const DECADE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(span).unwrap_or(now + DECADE)
}
