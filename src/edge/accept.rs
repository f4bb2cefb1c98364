//! Accepts connections on a listener that is bound by us, as many as it may have, and gives each
//! a task of its own. What happens on one is `connection`'s.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::application::Application;
use super::bound::Listening;
use super::conversation::Conversation;
use super::crowd::{Crowd, Place};
use super::settings::Settings;
use super::socket::CallerSocket;
use super::tls::UnderWay;
use crate::telemetry::{Counted, EdgeMetrics, Refused};

/// How long a new connection waits for others to leave, at most, and between two looks.
const EMPTYING: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(1);
/// How long accepting rests when the process has no file descriptor left.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What stands between a listener and an application.
pub struct Edge<A> {
    pub(super) app: Arc<A>,
    pub(super) name: Arc<str>,
    /// Of connections that begin now.
    settings: ArcSwap<Settings>,
    pub(super) metrics: EdgeMetrics,
    pub(super) crowd: Arc<Crowd>,
    pub(super) under_way: UnderWay,
    connections: TaskTracker,
}

impl<A: Application> Edge<A> {
    /// An edge in front of `app`.
    pub fn new(app: Arc<A>, name: Arc<str>, settings: Settings, metrics: EdgeMetrics) -> Arc<Self> {
        metrics.certificate_ends(settings.certificate_ends());
        Arc::new(Self {
            app,
            name,
            metrics,
            crowd: Crowd::new(settings.limits),
            settings: ArcSwap::from_pointee(settings),
            under_way: UnderWay::default(),
            connections: TaskTracker::new(),
        })
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Takes other settings for connections that begin from now on. Those that are open go on by the
    /// settings they began with; how many there may be is bounded anew at once. Where other proof is
    /// asked for, they end: who rests at once, who is served with that answer.
    pub fn redefine(&self, mut settings: Settings) {
        self.crowd.redefine(settings.limits);
        self.metrics.certificate_ends(settings.certificate_ends());
        let before = self.settings();
        let stay = before.ask_the_same(&settings);
        if stay {
            settings.era = before.era.clone();
        }
        self.settings.store(Arc::new(settings));
        if !stay {
            before.era.end();
            self.crowd.dismiss_all();
        }
    }

    /// Those of connections that begin now.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Accepts until `stop` turns true, then returns at once. Connections go on as tasks of their
    /// own: those that serve a request end after it, the others at once.
    pub async fn run(self: Arc<Self>, listener: Listening, stop: watch::Receiver<bool>) {
        let mut stopping = stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut stopping) => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let until = Instant::now() + EMPTYING;
                    while self.crowd.is_emptying() && Instant::now() < until {
                        tokio::time::sleep(LOOK).await;
                    }
                    // Whatever is wrong with one connection, the next one is accepted.
                    let take_in = AssertUnwindSafe(|| self.take_in(socket, peer, &stop));
                    if std::panic::catch_unwind(take_in).is_err() {
                        self.metrics.refused(Refused::Panic);
                    }
                }
                Err(why) if is_of_one_connection(why.kind()) => {}
                Err(why) => {
                    tracing::error!(listener = %self.name, %why, "accept failed");
                    // Out of descriptors or memory, accept would fail again at once, and spin.
                    tokio::select! {
                        () = stopped(&mut stopping) => return,
                        () = tokio::time::sleep(BACK_OFF) => {}
                    }
                }
            }
        }
    }

    fn take_in(
        self: &Arc<Self>,
        socket: CallerSocket,
        peer: SocketAddr,
        stop: &watch::Receiver<bool>,
    ) {
        let now = self.crowd.clock(Instant::now());
        let conversation = Arc::new(Conversation::new(peer, now));
        let is_one_of_many = self.app.is_one_of_many(peer.ip());
        let place = match self.crowd.admit(&conversation, is_one_of_many) {
            Ok(place) => place,
            Err(why) => {
                self.metrics.refused(why);
                let limits = self.settings.load().limits;
                tracing::warn!(
                    listener = %self.name,
                    connections = limits.connections,
                    per_address = limits.per_address,
                    reason = why.word(),
                    "too many connections, and none is idle; closing new ones"
                );
                return;
            }
        };
        // Dropped with the task, also by a panic.
        let place = Served {
            edge: Arc::clone(self),
            _open: self.metrics.accepted(),
            _place: place,
        };
        let serving = Arc::clone(self).serve(socket, self.settings(), conversation, stop.clone());
        self.connections.spawn(async move {
            let _place = place;
            serving.await;
        });
    }

    pub fn open_connections(&self) -> usize {
        self.connections.len()
    }

    /// Returns when every connection has ended; meant for after `run` has.
    pub async fn ended(&self) {
        self.connections.close();
        self.connections.wait().await;
    }
}

/// Returns when `stop` has turned true, or nobody is left who could turn it.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Served<A> {
    edge: Arc<Edge<A>>,
    _open: Counted,
    _place: Place,
}

impl<A> Drop for Served<A> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.edge.metrics.refused(Refused::Panic);
        }
    }
}

/// Whether an accept error belongs to a connection that is gone already.
fn is_of_one_connection(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::WouldBlock
    )
}

#[cfg(test)]
#[path = "accept_tests.rs"]
mod tests;
