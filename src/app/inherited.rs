//! Which sockets are there already? A service manager has bound them, or a predecessor hands them over.
//! Each is known by its address.

use std::net::{SocketAddr, TcpListener};

/// Sockets that somebody else has bound for this process.
#[derive(Debug, Default)]
pub struct Inherited(Vec<TcpListener>);

impl Inherited {
    pub fn of(sockets: Vec<TcpListener>) -> Self {
        Self(sockets)
    }

    /// The one that is bound to an address.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|it| it == address);
        let place = self.0.iter().position(is_it)?;
        Some(self.0.swap_remove(place))
    }

    /// The addresses of those that nobody took.
    pub fn left(&self) -> Vec<String> {
        let shown = |socket: &TcpListener| match socket.local_addr() {
            Ok(address) => address.to_string(),
            Err(why) => why.to_string(),
        };
        self.0.iter().map(shown).collect()
    }
}
