//! One connection's life: TLS where the listener has it, then one request after another through
//! Pingora's HTTP/1.1, each under the guard's deadlines.

use std::future::Future;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use pingora::apps::{HttpPersistentSettings, HttpServerApp};
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as TcpIo;
use pingora::protocols::{GetSocketDigest, SocketDigest, Stream};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Edge;
use super::accept::stopped;
use super::deadlines::GuardedIo;
use super::stage::Stage;
use crate::telemetry::Refused;

/// How long the rest of a body that nobody wanted is read before the connection is given up.
const DRAIN: Duration = Duration::from_secs(2);

impl<P: HttpServerApp + Send + Sync + 'static> Edge<P> {
    pub(super) async fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        peer: SocketAddr,
        stop: watch::Receiver<bool>,
    ) {
        let Some(stream) = self.establish(socket, peer).await else {
            return;
        };
        let (io, stage) = GuardedIo::new(stream, self.timeouts, self.limits.header);
        let (mut io, mut settings) = (Box::new(io), None);
        let mut stopping = stop.clone();
        let mut stopped = pin!(stopped(&mut stopping));
        loop {
            let session = self.session(io, settings);
            let mut served = pin!(self.app.process_new_http(session, &stop));
            let next = std::future::poll_fn(|cx| match served.as_mut().poll(cx) {
                Poll::Ready(next) => Poll::Ready(next),
                // Between requests nobody waits for an answer: the connection may end.
                Poll::Pending if stage.now() == Stage::Idle => {
                    stopped.as_mut().poll(cx).map(|()| None)
                }
                Poll::Pending => Poll::Pending,
            })
            .await;
            let Some((stream, persistent)) = next.map(|reused| reused.consume()) else {
                break;
            };
            let Ok(reused) = stream.into_any().downcast::<GuardedIo>() else {
                break;
            };
            (io, settings) = (reused, persistent);
            io.expect_request();
        }
        if let Some(cause) = refusal(stage.now(), *stop.borrow()) {
            self.metrics.refused(cause);
        }
    }

    async fn establish(&self, socket: TcpStream, peer: SocketAddr) -> Option<Stream> {
        // An answer's last segment must not wait for the peer's acknowledgement. A socket that
        // cannot be set is broken, which the first read will tell.
        let _ = socket.set_nodelay(true);
        let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
        let _ = digest.peer_addr.set(Some(peer.into()));
        let mut stream = TcpIo::from(socket);
        stream.set_socket_digest(digest);
        let Some(tls) = &self.tls else {
            return Some(Box::new(stream));
        };
        match timeout(self.timeouts.header, tls.accept(stream)).await {
            Ok(Ok(stream)) => return Some(Box::new(stream)),
            Ok(Err(why)) => tracing::debug!(listener = %self.name, %why, "TLS handshake failed"),
            Err(_) => tracing::debug!(listener = %self.name, "TLS handshake took too long"),
        }
        self.metrics.refused(Refused::Tls);
        None
    }

    fn session(
        &self,
        io: Box<GuardedIo>,
        settings: Option<HttpPersistentSettings>,
    ) -> ServerSession {
        let mut session = ServerSession::new_http1(io);
        if let Some(settings) = settings {
            settings.apply_to_session(&mut session);
        }
        // Reading the head is timed by the guard, and this turns Pingora's own timer off until the
        // head is there. Whether the connection is kept is then set from the head, and nobody may
        // set it to more: that would also keep an HTTP/1.0 connection, or one whose framing is in
        // doubt.
        session.set_keepalive(Some(0));
        session.set_read_timeout(Some(self.timeouts.body));
        session.set_total_drain_timeout(Some(DRAIN.min(self.timeouts.body)));
        // A client may close its half when it has sent its request (RFC 9112 §9.6): it still gets
        // its answer. One that is gone altogether is noticed when the answer is written.
        session.set_abort_on_close(false);
        // A request that comes before its turn waits for it (RFC 9112 §9.3.2); Pingora's default
        // breaks off the one before, which may have reached the upstream.
        session.set_pipelining_enabled(true);
        session
    }
}

fn refusal(stage: Stage, stopping: bool) -> Option<Refused> {
    match stage {
        Stage::Late => Some(Refused::HeaderTimeout),
        Stage::Oversized => Some(Refused::HeaderTooLarge),
        Stage::Refused => Some(Refused::Parser),
        // Given up without an answer while the peer was still there.
        Stage::Head if !stopping => Some(Refused::Parser),
        Stage::Head | Stage::Idle | Stage::Serving | Stage::Unread | Stage::Gone => None,
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
