//! Where a route goes: as the file defines it, and alive, with its addresses and the connections'
//! prebuilt peers. One upstream serves every route that defines the same, and one resolver every
//! upstream of the same host name.

mod addresses;
mod definition;
mod live;
mod lookups;
mod names;
mod peer;

pub use definition::UpstreamDefinition;
pub use live::{Upstream, UpstreamError};
pub use names::Names;
