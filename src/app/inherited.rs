//! Which sockets are there already? A service manager has bound them, or a predecessor hands them over.
//! Each is known by its address.

use std::io;
use std::os::fd::OwnedFd;

use crate::edge::{Address, Bound};

/// Sockets that somebody else has bound for this process.
#[derive(Debug, Default)]
pub struct Inherited(Vec<Bound>);

impl Inherited {
    /// An error where one of them is no socket that could be listened on.
    pub fn of(sockets: Vec<OwnedFd>) -> io::Result<Self> {
        let sockets = sockets.into_iter().map(Bound::try_from);
        Ok(Self(sockets.collect::<io::Result<_>>()?))
    }

    /// The one that is bound to an address.
    pub(super) fn take(&mut self, address: &Address) -> Option<Bound> {
        let is_it = |socket: &Bound| socket.address().is_ok_and(|it| it.is_where(address));
        let place = self.0.iter().position(is_it)?;
        Some(self.0.swap_remove(place))
    }

    /// The addresses of those that nobody took.
    pub fn left(&self) -> Vec<String> {
        let shown = |socket: &Bound| match socket.address() {
            Ok(address) => address.to_string(),
            Err(why) => why.to_string(),
        };
        self.0.iter().map(shown).collect()
    }
}
