//! How is one HTTP/1.1 message framed on the wire? It stands below the codec, on the side of the
//! callers and of the upstreams: what two parsers could read in two ways never reaches it.
//! It changes no byte, holds none, and knows no socket.

mod chunks;
mod framing;
mod head;
mod octets;
mod start_line;
mod violation;
mod walker;

pub use violation::{Kind, Violation};
pub use walker::{Limits, Place, Step, Walker};
