//! How is one HTTP/2 connection framed on the wire, and what is a head of it? It stands below the
//! codec and behind it: a head reaches the codec whole, frames that ask for nothing are counted, and
//! what the codec read is brought into the shape in which HTTP/1.1 comes.

mod budget;
mod fault;
mod fields;
mod frames;
mod head;
mod sent;

pub use fault::Fault;
pub use frames::{Frames, Limits, Opened, Opening, PREFACE, Step, joined};
pub use head::{reshape, trailers};
pub use sent::{Frame, Sent};
