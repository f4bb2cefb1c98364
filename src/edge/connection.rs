//! One connection's life: what comes before its first byte, then the protocol that it came to, which is
//! HTTP/1.1 unless the listener speaks more.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::watch;

use super::application::{Application, Misread};
use super::conversation::Conversation;
use super::first_bytes::{Begun, first_bytes};
use super::settings::Settings;
use super::socket::CallerSocket;
use super::{Edge, Protocol, Spoken};
use crate::http1::Kind;
use crate::http2::Fault;
use crate::telemetry::Refused;

impl<A: Application> Edge<A> {
    pub(super) async fn serve(
        self: Arc<Self>,
        socket: CallerSocket,
        settings: Arc<Settings>,
        conversation: Arc<Conversation>,
        stop: watch::Receiver<bool>,
    ) {
        let established = self
            .establish(socket, &settings, &conversation, &stop)
            .await;
        let Some((socket, protocol)) = established else {
            return;
        };
        // Each on the heap: whichever it is, the other's room is not kept for it.
        match protocol {
            Some(protocol) => {
                self.serve_by(
                    protocol,
                    (socket, BytesMut::new()),
                    settings,
                    conversation,
                    stop,
                )
                .await;
            }
            None => Box::pin(self.serve_by_first_bytes(socket, settings, conversation, stop)).await,
        }
    }

    async fn serve_by(
        self: Arc<Self>,
        protocol: Protocol,
        begun: (CallerSocket, BytesMut),
        settings: Arc<Settings>,
        conversation: Arc<Conversation>,
        stop: watch::Receiver<bool>,
    ) {
        match protocol {
            Protocol::Http1 => self.serve_http1(begun, settings, conversation, stop).await,
            Protocol::Http2 => {
                Box::pin(self.serve_http2(begun, settings, conversation, stop)).await;
            }
        }
    }

    /// The listener speaks HTTP/2 by prior knowledge: a connection that begins with its preface does, too.
    async fn serve_by_first_bytes(
        self: Arc<Self>,
        mut socket: CallerSocket,
        settings: Arc<Settings>,
        conversation: Arc<Conversation>,
        stop: watch::Receiver<bool>,
    ) {
        let now = |at| self.crowd.clock(at);
        let begun = first_bytes(
            &mut socket,
            &conversation,
            settings.timeouts,
            now,
            stop.clone(),
        );
        let (protocol, read) = match begun.await {
            Begun::Speaks(protocol, read) => (protocol, read),
            Begun::Evicted => return self.metrics.refused(Refused::Evicted),
            Begun::Nothing => return,
            Begun::Late => {
                self.metrics.refused(cause(Misread::Late));
                drop(self.app.refuse(&conversation, Misread::Late));
                return;
            }
        };
        if protocol == Protocol::Http1 && !settings.protocols.speaks(Spoken::Http1) {
            let why = Misread::Http2(Fault::Preface);
            self.metrics.refused(cause(why));
            return self
                .say_http1((socket, read), &settings, &conversation, why)
                .await;
        }
        self.serve_by(protocol, (socket, read), settings, conversation, stop)
            .await;
    }
}

pub(super) fn cause(why: Misread) -> Refused {
    match why {
        Misread::Late => Refused::HeaderTimeout,
        Misread::Crowded => Refused::Evicted,
        Misread::Broken(violation) if violation.kind() == Kind::HeadTooLarge => {
            Refused::HeaderTooLarge
        }
        Misread::Http2(fault) => cause_of_fault(fault),
        Misread::Broken(_) | Misread::Codec => Refused::Parser,
    }
}

fn cause_of_fault(fault: Fault) -> Refused {
    match fault {
        Fault::Flood | Fault::Resets | Fault::Continuations => Refused::Flood,
        Fault::Streams => Refused::Streams,
        Fault::HeadTooLarge | Fault::TooManyFields | Fault::NameTooLong => Refused::HeaderTooLarge,
        _ => Refused::Parser,
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "encrypted_tests.rs"]
mod encrypted_tests;
