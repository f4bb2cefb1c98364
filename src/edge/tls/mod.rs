//! TLS towards the peer: which certificate is shown, whose are accepted, and what a handshake may take.

mod acceptor;
mod definition;
mod handshake;
mod names;
mod stream;
mod under_way;

pub use acceptor::{Tls, TlsError};
pub use definition::{ClientCertificates, TlsDefinition, TlsVersion};
pub use names::server_names;
pub(super) use stream::TlsStream;
pub(super) use under_way::UnderWay;
