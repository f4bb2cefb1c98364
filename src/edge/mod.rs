//! The connection's way: from accept to the first complete request head, with deadlines.

mod accept;
mod address;
mod application;
mod arriving;
mod bound;
mod connection;
mod conversation;
mod crowd;
mod deadline;
mod definition;
mod establish;
mod first_bytes;
mod framed;
mod group;
mod guard;
mod http1;
mod http2;
mod linger;
mod pace;
mod protocol;
mod proxy_protocol;
mod settings;
mod socket;
mod stall;
mod tls;

#[cfg(test)]
mod tests_support;

pub use accept::Edge;
pub use address::{Address, UnixAddress};
pub use application::{Abandoned, Application, BoxError, Misread};
pub use arriving::{Arriving, Broken};
pub use bound::{Bound, Listening};
pub use conversation::{Conversation, Tunnel};
pub use deadline::Deadline;
pub use definition::{Limits, ListenerDefinition, Timeouts};
pub use framed::{Came, Framed};
pub use protocol::{Protocol, Protocols, Spoken};
pub use settings::{Era, Settings};
pub use socket::{CallerStream, Socket};
pub use tls::{ClientCertificates, Tls, TlsDefinition, TlsError, TlsVersion, server_names};
