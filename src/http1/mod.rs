//! How is one HTTP/1.1 message framed on the wire? It stands below the codec, on the side of the
//! callers and of the upstreams: what two parsers could read in two ways never reaches it.
//! It changes no byte, holds none, and knows no socket.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod attacks;
mod chunks;
#[cfg(test)]
mod connection_tests;
mod framing;
mod head;
mod octets;
#[cfg(test)]
mod reference;
mod start_line;
mod violation;
mod walker;

pub use violation::{Kind, Violation};
pub use walker::{Limits, Place, Step, Walker};
