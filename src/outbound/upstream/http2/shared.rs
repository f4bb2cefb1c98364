//! One connection by HTTP/2, which many requests use at a time. A task of its own drives it; it ends
//! when nobody has it any more.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, Connection, SendRequest};
use http::uri::Scheme;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::super::answer_io::{MOST_HEAD, UpstreamSocket};
use super::super::names::Lead;
use super::watched::{Comings, Watched};

/// How many requests a connection carries at a time, where the upstream allows as many.
const MOST_STREAMS: usize = 100;
/// Bytes of one answer that may come before its caller takes them.
const WINDOW: u32 = 256 * 1024;
/// The same for all of a connection: nobody who reads slowly takes the room of a neighbour.
const CONNECTION_WINDOW: u32 = WINDOW * MOST_STREAMS as u32;
/// Bytes of one request that may wait in the codec.
const MOST_BUFFERED: usize = 128 * 1024;
/// Stands where the upstream has not said yet how many requests it takes at a time: more than it could
/// say.
const UNTOLD: usize = usize::MAX - 1;
/// How long a connection that nobody has any more may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

type Io = Watched<UpstreamSocket>;

pub(in super::super) struct Shared {
    sender: SendRequest<Bytes>,
    pub(super) scheme: Scheme,
    lead: Option<Lead>,
    /// How many requests it carries.
    streams: AtomicUsize,
    /// It takes no further request.
    is_over: Arc<AtomicBool>,
    has_served: AtomicBool,
    /// When the last request on it ended.
    rests_since: Mutex<Instant>,
    pub(super) comings: Comings,
    /// Dropped with it: then its task ends.
    _held: oneshot::Sender<()>,
}

impl Shared {
    /// Made once the upstream has said that it speaks HTTP/2, and how many requests it takes.
    pub(in super::super) async fn begin(
        socket: UpstreamSocket,
        lead: Option<Lead>,
        scheme: Scheme,
    ) -> Result<Arc<Self>, h2::Error> {
        let comings = Comings::default();
        let io = Watched {
            stream: socket,
            comings: comings.clone(),
        };
        let mut builder = Builder::new();
        builder
            .initial_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MOST_HEAD as u32)
            .max_send_buffer_size(MOST_BUFFERED)
            .initial_max_send_streams(UNTOLD)
            .enable_push(false);
        let (sender, mut connection) = builder.handshake(io).await?;
        poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            _ if sender.current_max_send_streams() != UNTOLD => Poll::Ready(Ok(())),
            Poll::Ready(Ok(())) => Poll::Ready(Err(Reason::NO_ERROR.into())),
            Poll::Ready(Err(why)) => Poll::Ready(Err(why)),
            Poll::Pending => Poll::Pending,
        })
        .await?;
        let is_over = Arc::new(AtomicBool::new(false));
        let (held, let_go) = oneshot::channel();
        tokio::spawn(drive(connection, Arc::clone(&is_over), let_go));
        Ok(Arc::new(Self {
            sender,
            scheme,
            lead,
            streams: AtomicUsize::new(0),
            is_over,
            has_served: AtomicBool::new(false),
            rests_since: Mutex::new(Instant::now()),
            comings,
            _held: held,
        }))
    }

    /// A place on it for one request; `None` where it has no more, or is over.
    pub(super) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let most = MOST_STREAMS.min(self.sender.current_max_send_streams());
        let more = |streams: usize| (streams < most).then_some(streams + 1);
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        let taken = self.streams.fetch_update(order.0, order.1, more);
        taken.ok().map(|_| Lease(Arc::clone(self)))
    }

    /// The first one on a new connection, whatever the upstream allows so far.
    pub(super) fn first_lease(self: &Arc<Self>) -> Lease {
        self.streams.fetch_add(1, Ordering::AcqRel);
        Lease(Arc::clone(self))
    }

    /// Whether it takes no further request: closed, said goodbye to, silent, or where its name no longer
    /// leads.
    pub(super) fn is_over(&self) -> bool {
        let leads_on = self.lead.as_ref().is_none_or(Lead::holds);
        if !leads_on || self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let mut cx = Context::from_waker(Waker::noop());
        matches!(self.sender.clone().poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    /// Nobody else shall come; who is on it stays.
    pub(super) fn retire(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// For how long nobody has used it.
    pub(super) fn has_rested_for(&self) -> Duration {
        match self.streams.load(Ordering::Acquire) {
            0 => self.rests_since.lock().elapsed(),
            _ => Duration::ZERO,
        }
    }
}

/// A place on a connection, until it is dropped.
pub(super) struct Lease(Arc<Shared>);

impl Lease {
    pub(super) fn connection(&self) -> &Shared {
        &self.0
    }

    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.0.sender.clone()
    }

    pub(super) fn is_reused(&self) -> bool {
        self.0.has_served.load(Ordering::Relaxed)
    }

    pub(super) fn has_served(&self) {
        self.0.has_served.store(true, Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.0.streams.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.0.rests_since.lock() = Instant::now();
        }
    }
}

async fn drive(
    connection: Connection<Io, Bytes>,
    is_over: Arc<AtomicBool>,
    let_go: oneshot::Receiver<()>,
) {
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        _ = let_go => None,
    };
    is_over.store(true, Ordering::Relaxed);
    match ended {
        // Each request on it is told by itself.
        Some(Ok(()) | Err(_)) => {}
        None => {
            let _ = timeout(GOODBYE, connection).await;
        }
    }
}
