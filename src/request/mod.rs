//! What is known of a request before anything is decided? Pure values: no sockets, no clock.

mod access_request;
mod host;
mod params;
mod path;
mod peer;
#[cfg(test)]
pub(crate) mod samples;

pub use access_request::AccessRequest;
pub use host::normalised_host;
pub use params::Params;
pub use path::{CanonicalPath, PathError, decoded_segment};
pub use peer::{Client, Peer};
