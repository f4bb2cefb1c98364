//! Who started us? A service manager may have bound sockets for the process (`LISTEN_FDS`), and want to
//! hear how it is (`NOTIFY_SOCKET`), as systemd does: sd_listen_fds(3), sd_notify(3).

use std::os::fd::OwnedFd;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use anyhow::Context;
use listenfd::ListenFd;
use rustix::time::{ClockId, clock_gettime};

use crate::app::Inherited;

/// The sockets that were bound for this process.
pub(super) fn sockets() -> anyhow::Result<Inherited> {
    let mut given = ListenFd::from_env();
    let mut sockets: Vec<OwnedFd> = Vec::new();
    for number in 0..given.len() {
        // What is of another kind is left where it is.
        let taken = match given.take_unix_listener(number) {
            Ok(socket) => socket.map(OwnedFd::from),
            Err(_) => {
                let socket = given.take_tcp_listener(number);
                let socket =
                    socket.context("a socket that was passed in LISTEN_FDS cannot be used");
                socket?.map(OwnedFd::from)
            }
        };
        sockets.extend(taken);
    }
    Inherited::of(sockets).context("a socket that was passed in LISTEN_FDS cannot be used")
}

/// Whom it is told how the process is; nobody where nobody asked.
pub(super) struct Service(Option<UnixDatagram>);

impl Service {
    #[allow(
        clippy::disallowed_methods,
        reason = "the environment is how a service manager says where to"
    )]
    pub(super) fn of_environment() -> Self {
        let Ok(place) = std::env::var("NOTIFY_SOCKET") else {
            return Self(None);
        };
        let connected = connected(&place);
        if let Err(why) = &connected {
            tracing::warn!(%why, "whoever NOTIFY_SOCKET names is told nothing");
        }
        Self(connected.ok())
    }

    /// Accepting. Not as ready as `/readyz` says: an outage of Entra is no reason to be restarted.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, what: &str) {
        // Nobody who listens is no reason not to go on.
        let _ = self.0.as_ref().map(|to| to.send(what.as_bytes()));
    }
}

fn connected(place: &str) -> std::io::Result<UnixDatagram> {
    let address = match place.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(name) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(place)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(&address)?;
    Ok(socket)
}
