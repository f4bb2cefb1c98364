//! What is a running gateway told by signals? To end, to read its file anew, to open its log anew, to
//! renew its tokens or to forget them.

use std::convert::Infallible;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use crate::app::App;
use crate::outbound::TokenOrder;
use crate::telemetry::AccessLog;

/// `SIGRTMIN`, as Linux's C libraries leave it to programs: the first after those of their threads.
const RTMIN: i32 = 34;

/// All that are heard. The default of each would kill, so that they are taken before anything is read.
pub(super) struct Signals {
    pub(super) ending: Ending,
    pub(super) hangup: Signal,
    /// SIGUSR1.
    pub(super) rotation: Signal,
    pub(super) orders: Orders,
}

/// SIGTERM and SIGINT.
pub(super) struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

pub(super) struct Orders {
    /// SIGUSR2.
    renew: Signal,
    /// SIGRTMIN.
    purge: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ending: Ending {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
            hangup: signal(SignalKind::hangup())?,
            rotation: signal(SignalKind::user_defined1())?,
            orders: Orders {
                renew: signal(SignalKind::user_defined2())?,
                purge: signal(SignalKind::from_raw(RTMIN))?,
            },
        })
    }
}

impl Ending {
    /// Waits for SIGTERM or SIGINT.
    pub(super) async fn came(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Passes SIGHUP on.
pub(super) async fn hear(mut hangup: Signal, hang_up: mpsc::Sender<()>) -> Infallible {
    loop {
        hangup.recv().await;
        // One that waits already says the same.
        let _ = hang_up.try_send(());
    }
}

/// Opens the file of access lines anew at each SIGUSR1, whose default would kill.
pub(super) async fn rotate(mut rotation: Signal, access_log: &AccessLog) -> Infallible {
    loop {
        rotation.recv().await;
        if !access_log.reopen() {
            tracing::warn!("SIGUSR1: access lines go to no file; nothing is opened anew");
        }
    }
}

/// Renews all tokens at each SIGUSR2, and forgets them at each SIGRTMIN.
pub(super) async fn obey(mut orders: Orders, app: &App) -> Infallible {
    loop {
        let (signal, order) = tokio::select! {
            _ = orders.renew.recv() => ("SIGUSR2", TokenOrder::Renew),
            _ = orders.purge.recv() => ("SIGRTMIN", TokenOrder::Purge),
        };
        let (order, tokens) = (order.word(), app.order_tokens(order));
        tracing::warn!(
            signal,
            order,
            tokens,
            "tokens are renewed or forgotten as ordered"
        );
    }
}
