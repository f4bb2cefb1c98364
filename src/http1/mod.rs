//! How is one HTTP/1.1 message framed on the wire? It stands below the codec, on the side of the
//! callers and of the upstreams: what two parsers could read in two ways never reaches it.
//! It holds no byte, changes none but in targets that no parser takes, and knows no socket.

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
#[path = "reference_tests.rs"]
mod reference;
mod respell;
mod start_line;
mod violation;
mod walker;

pub use chunks::is_of_the_head;
pub use respell::{respelled, told};
pub use violation::{Kind, Violation};
pub use walker::{Limits, Place, Step, Walker};
