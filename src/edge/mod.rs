//! The connection's way: from accept to the first complete request head, with deadlines.

mod accept;
mod application;
mod connection;
mod conversation;
mod crowd;
mod deadline;
mod definition;
mod framed;
mod guard;
mod linger;
mod pace;
mod settings;
mod socket;
mod tls;

#[cfg(test)]
mod tests_support;

pub use accept::{Edge, bind, listen};
pub use application::{Abandoned, Application, BoxError, Misread};
pub use conversation::{Conversation, Tunnel};
pub use deadline::Deadline;
pub use definition::{Limits, ListenerDefinition, Timeouts};
pub use framed::{Came, Framed};
pub use settings::Settings;
pub use socket::{CallerStream, Socket};
pub use tls::{Tls, TlsError};
