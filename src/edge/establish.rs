//! What comes before the first request? For whom a proxy speaks, and TLS, where the listener has them: neither
//! for longer than a head may take, nor to the harm of those who are served.

use std::sync::Arc;
use std::task::Poll;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::accept::stopped;
use super::application::Application;
use super::conversation::{Conversation, Stage};
use super::settings::Settings;
use super::socket::{CallerSocket, Socket};
use super::{Edge, Protocol, Spoken, proxy_protocol};
use crate::telemetry::Refused;

impl<A: Application> Edge<A> {
    /// The bytes of a connection's requests, and what is spoken, where that is told before the first of
    /// them; `None` where there will be none.
    pub(super) async fn establish(
        &self,
        mut socket: CallerSocket,
        settings: &Settings,
        conversation: &Arc<Conversation>,
        stop: &watch::Receiver<bool>,
    ) -> Option<(CallerSocket, Option<Protocol>)> {
        // An answer's last segment must not wait for the peer's acknowledgement. A socket that
        // cannot be set is broken, which the first read will tell.
        if let Socket::Plain(stream) = &socket {
            let _ = stream.set_nodelay(true);
        }
        if settings.proxy_protocol {
            self.hear_of_client(&mut socket, settings, conversation, stop)
                .await?;
        }
        let Some(tls) = &settings.tls else {
            let protocol = match settings.protocols.speaks(Spoken::H2c) {
                true => None,
                false => Some(Protocol::Http1),
            };
            return Some((socket, protocol));
        };
        // INVARIANT: the file refuses TLS on a Unix socket, and this is none of TLS yet.
        let Socket::Plain(socket) = socket else {
            return None;
        };
        let peer = conversation.peer().ip();
        let is_one_of_many = self.app.is_one_of_many(peer);
        let most = settings.limits.handshakes;
        let _begun = self
            .under_way
            .begin(conversation, most, is_one_of_many, &self.crowd);
        let mut stopping = stop.clone();
        let shaken = tokio::select! {
            biased;
            () = stopped(&mut stopping) => return None,
            () = is_asked_to_leave(conversation) => {
                self.metrics.refused(Refused::Evicted);
                return None;
            }
            shaken = timeout(settings.timeouts.header, tls.handshake(socket)) => shaken,
        };
        let cause = match shaken {
            Ok(Ok(stream)) => {
                let Some(protocol) = settings.protocols.by_alpn(stream.protocol()) else {
                    tracing::debug!(listener = %self.name, %peer, "ALPN came to nothing that is spoken here");
                    self.metrics.refused(Refused::Tls);
                    return None;
                };
                conversation.encrypted();
                // What it took to get here is no rest.
                conversation.since(Stage::Idle, self.crowd.clock(Instant::now()));
                return Some((Socket::Tls(Box::new(stream)), Some(protocol)));
            }
            Ok(Err(why)) if why.cause() == Refused::ClientCertificate => {
                tracing::warn!(listener = %self.name, %peer, %why, "TLS handshake refused");
                Refused::ClientCertificate
            }
            Ok(Err(why)) => {
                tracing::debug!(listener = %self.name, %peer, %why, "TLS handshake failed");
                Refused::Tls
            }
            Err(_) => {
                tracing::debug!(listener = %self.name, %peer, "TLS handshake took too long");
                Refused::Tls
            }
        };
        self.metrics.refused(cause);
        None
    }

    /// Lets a proxy say for whom it speaks; `None` where it does not, and should.
    async fn hear_of_client(
        &self,
        socket: &mut CallerSocket,
        settings: &Settings,
        conversation: &Arc<Conversation>,
        stop: &watch::Receiver<bool>,
    ) -> Option<()> {
        let peer = conversation.peer().ip();
        // SECURITY: whoever else says it is not heard; what it says is no request.
        if !self.app.is_one_of_many(peer) {
            return Some(());
        }
        let mut stopping = stop.clone();
        let heard = tokio::select! {
            biased;
            () = stopped(&mut stopping) => return None,
            () = is_asked_to_leave(conversation) => {
                self.metrics.refused(Refused::Evicted);
                return None;
            }
            heard = timeout(settings.timeouts.header, proxy_protocol::client(socket)) => heard,
        };
        let why = match heard {
            Ok(Ok(None)) => return Some(()),
            Ok(Ok(Some(client))) => {
                let is_one_of_many = self.app.is_one_of_many(client.ip());
                let moved = self.crowd.moves(conversation, client, is_one_of_many);
                return moved.inspect_err(|why| self.metrics.refused(*why)).ok();
            }
            Ok(Err(why)) => why.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        tracing::warn!(listener = %self.name, %peer, why, "PROXY header refused");
        self.metrics.refused(Refused::ProxyProtocol);
        None
    }
}

/// Returns when it is asked to leave.
async fn is_asked_to_leave(conversation: &Conversation) {
    std::future::poll_fn(|cx| {
        conversation.is_waited_for_by(cx.waker());
        match conversation.is_leaving() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
