//! One connection of HTTP/2: its streams are tasks of their own, and what HTTP/1.1 bounds between requests
//! is bounded where it has none.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::guard::{Guard, frame};
use super::head::Head;
use super::io::Io;
use super::stream;
use crate::edge::accept::stopped;
use crate::edge::application::{Application, Misread};
use crate::edge::conversation::{Conversation, Stage};
use crate::edge::deadline::Deadline;
use crate::edge::settings::Settings;
use crate::edge::socket::CallerSocket;
use crate::edge::{Edge, Limits};
use crate::http2::Fault;
use crate::telemetry::Refused;

/// Bytes of bodies that a connection may send ahead of who takes them, in all and on one stream.
const WINDOW: u32 = 512 * 1024;
const STREAM_WINDOW: u32 = 128 * 1024;
/// Bytes of an answer that the codec may hold for one stream.
const MOST_UNSENT: usize = 64 * 1024;
/// A field's share of a head as HTTP/2 counts it, beside its bytes (RFC 9113 §6.5.2), and how many there
/// may be.
const OVERHEAD: usize = 32;
const FIELDS: usize = 100;
/// Streams that the codec may reset for their peer's mistakes, on one connection.
const MOST_MISTAKES: usize = 256;
/// Streams whose tasks have not ended, for each that there may be at a time: a reset gives its place free
/// a moment before its task ends.
const TASKS: usize = 4;
/// How long a peer has to agree that it opens no stream any more, and to take what was said last.
const PATIENCE: Duration = Duration::from_secs(1);

fn codec(limits: &Limits) -> Builder {
    let bytes = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    let mut codec = Builder::new();
    codec
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(bytes(limits.header + FIELDS * OVERHEAD))
        .max_frame_size(bytes(frame(limits)))
        .max_concurrent_streams(bytes(limits.streams))
        .max_send_buffer_size(MOST_UNSENT)
        .max_local_error_reset_streams(Some(MOST_MISTAKES));
    codec
}

type Codec = Connection<Io, Bytes>;

/// A connection at hand.
struct Life<A: Application> {
    edge: Arc<Edge<A>>,
    settings: Arc<Settings>,
    conversation: Arc<Conversation>,
    io: Io,
    /// One for each request that has not ended.
    tasks: JoinSet<()>,
    /// How many there were.
    asked: usize,
    idle: Deadline,
    /// Since it was told that it ends.
    leaves: Option<Deadline>,
}

/// How a connection ends.
enum End {
    /// Nobody needs it.
    Unused,
    /// It makes room for another.
    Evicted,
    /// The codec is done with it.
    Done,
}

impl<A: Application> Edge<A> {
    /// `read`: what came of it already.
    pub(in crate::edge) async fn serve_http2(
        self: Arc<Self>,
        (socket, read): (CallerSocket, BytesMut),
        settings: Arc<Settings>,
        conversation: Arc<Conversation>,
        stop: watch::Receiver<bool>,
    ) {
        let io = Io(Arc::new(Mutex::new(Guard::new(
            socket,
            read,
            &settings.limits,
            settings.timeouts,
            Arc::clone(&conversation),
            Arc::clone(&self.crowd),
        ))));
        let mut handshake = pin!(codec(&settings.limits).handshake(io.clone()));
        let mut codec: Option<Codec> = None;
        let mut life = Life {
            idle: Deadline::after(settings.timeouts.idle),
            edge: self,
            settings,
            conversation,
            io,
            tasks: JoinSet::new(),
            asked: 0,
            leaves: None,
        };
        let mut stopping = stop;
        let mut stopped = pin!(stopped(&mut stopping));
        let end = std::future::poll_fn(|cx| {
            if codec.is_none() {
                match handshake.as_mut().poll(cx) {
                    Poll::Ready(Ok(begun)) => codec = Some(begun),
                    Poll::Ready(Err(why)) => return Poll::Ready(life.broke(&why)),
                    Poll::Pending => {}
                }
            }
            let ended = life.settings.era.has_ended();
            if life.leaves.is_none() && (ended || stopped.as_mut().poll(cx).is_ready()) {
                life.leaves = Some(Deadline::after(PATIENCE));
                if let Some(codec) = &mut codec {
                    codec.graceful_shutdown();
                }
            }
            if let Some(codec) = &mut codec
                && let Poll::Ready(end) = life.poll_streams(codec, cx)
            {
                return Poll::Ready(end);
            }
            life.poll_rest(codec.is_some(), cx)
        })
        .await;
        if let (Some(codec), End::Unused | End::Evicted) = (&mut codec, &end) {
            codec.abrupt_shutdown(Reason::NO_ERROR);
            let patience = match end {
                End::Evicted => Duration::ZERO,
                _ => PATIENCE,
            };
            let _ = timeout(patience, std::future::poll_fn(|cx| codec.poll_closed(cx))).await;
        }
        // Whoever is served still has nobody who would read the answer.
        life.tasks.shutdown().await;
        drop(codec);
        life.take_leave(&end).await;
    }
}

impl<A: Application> Life<A> {
    /// Begins the streams that come, and takes in those that end.
    fn poll_streams(&mut self, codec: &mut Codec, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            while let Poll::Ready(came) = codec.poll_accept(cx) {
                match came {
                    Some(Ok((request, respond))) => {
                        if let Err(end) = self.begin(request, respond) {
                            return Poll::Ready(end);
                        }
                        self.asked += 1;
                        if self.asked >= self.settings.limits.requests && self.leaves.is_none() {
                            self.leaves = Some(Deadline::after(PATIENCE));
                            codec.graceful_shutdown();
                        }
                    }
                    Some(Err(why)) => return Poll::Ready(self.broke(&why)),
                    None => return Poll::Ready(End::Done),
                }
            }
            self.tell_refused();
            while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
                if ended.is_err_and(|why| why.is_panic()) {
                    self.edge.metrics.refused(Refused::Panic);
                }
            }
            // What was answered last is flushed before it rests.
            if !self.tasks.is_empty() || self.conversation.stage() != Stage::Serving {
                return Poll::Pending;
            }
            self.conversation.set(Stage::Sending);
        }
    }

    fn begin(
        &mut self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Bytes>,
    ) -> Result<(), End> {
        let out = Arc::new(Head::awaited());
        let has_fragment = self.io.0.lock().met(respond.stream_id().into(), &out);
        if self.tasks.len() >= self.settings.limits.streams.saturating_mul(TASKS) {
            self.conversation.refuse(Misread::Http2(Fault::Resets));
            return Err(End::Done);
        }
        // SECURITY: other proof may be asked for by now, and who never heard of the end would go on for ever.
        let is_over = self.leaves.as_ref().is_some_and(Deadline::has_passed);
        if is_over || self.settings.era.has_ended() || !self.conversation.passes_head(false) {
            // As if it had come a moment later, which its peer may take as it is said.
            respond.send_reset(Reason::REFUSED_STREAM);
            return Ok(());
        }
        self.conversation.set(Stage::Serving);
        let (edge, settings) = (Arc::clone(&self.edge), Arc::clone(&self.settings));
        let peer = self.conversation.peer();
        let many = self.edge.app.is_one_of_many(peer.ip());
        let beside = || self.edge.crowd.beside(&self.conversation, many);
        let beside = (!self.tasks.is_empty()).then(beside);
        if let Some(None) = beside {
            respond.send_reset(Reason::REFUSED_STREAM);
            self.tell(Misread::Http2(Fault::Streams));
            return Ok(());
        }
        let asked = (request, has_fragment);
        // On the heap before it is handed on: a request's whole life is kilobytes, and each hand moves them.
        let serving = Box::pin(stream::serve(edge, settings, asked, respond, out, peer));
        self.tasks.spawn(async move {
            let _beside = beside;
            serving.await;
        });
        Ok(())
    }

    /// What bounds a connection that has no stream.
    fn poll_rest(&mut self, has_begun: bool, cx: &mut Context<'_>) -> Poll<End> {
        let stage = self.conversation.stage();
        match stage {
            Stage::Answered | Stage::Idle if self.conversation.is_in_use() => {
                let idle = self.settings.timeouts.idle;
                self.idle.move_to(idle);
                let now = self.edge.crowd.clock(self.idle.moved(idle));
                self.conversation.since(Stage::Idle, now);
            }
            Stage::Answered | Stage::Idle | Stage::Head => {}
            _ => return Poll::Pending,
        }
        self.conversation.is_waited_for_by(cx.waker());
        match (self.conversation.is_leaving(), stage) {
            (true, Stage::Head) => {
                self.conversation.refuse(Misread::Crowded);
                return Poll::Ready(End::Done);
            }
            (true, _) => return Poll::Ready(End::Evicted),
            (false, Stage::Head) => return Poll::Pending,
            (false, _) => {}
        }
        if let Some(leaves) = &mut self.leaves
            && (!has_begun || leaves.poll(cx).is_ready())
        {
            return Poll::Ready(End::Unused);
        }
        self.idle.poll(cx).map(|()| End::Unused)
    }

    fn tell_refused(&self) {
        let refused = self.io.0.lock().take_refused();
        for fault in refused {
            self.tell(Misread::Http2(fault));
        }
    }

    /// An access line, and a count: nobody reads the answer.
    fn tell(&self, why: Misread) {
        self.edge
            .metrics
            .refused(crate::edge::connection::cause(why));
        drop(self.edge.app.refuse(&self.conversation, why));
    }

    /// The codec gave up.
    fn broke(&self, why: &h2::Error) -> End {
        let is_theirs = why.is_go_away() && why.is_library();
        if is_theirs && self.conversation.misread().is_none() {
            let fault = match why.reason() {
                Some(Reason::ENHANCE_YOUR_CALM) => Fault::Flood,
                _ => Fault::Connection,
            };
            self.conversation.refuse(Misread::Http2(fault));
        }
        End::Done
    }

    async fn take_leave(self, end: &End) {
        self.tell_refused();
        if let End::Evicted = end {
            self.edge.metrics.refused(Refused::Evicted);
        }
        if let Some(why) = self.conversation.misread() {
            self.tell(why);
        }
        let Self { io, .. } = self;
        // INVARIANT: the codec is gone, and with it the only other one.
        if let Some(guard) = Arc::into_inner(io.0) {
            guard.into_inner().close().await;
        }
    }
}
