//! The connection's way: from accept to the first complete request head, with deadlines.

mod accept;
mod connection;
mod deadlines;
mod definition;
mod linger;
mod stage;
mod tls;

#[cfg(test)]
mod tests_support;

pub use accept::{Edge, bind, listen};
pub use deadlines::{body_unread, headers_complete};
pub use definition::{Limits, ListenerDefinition, Timeouts};
pub use tls::{Tls, TlsError};
