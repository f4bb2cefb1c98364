//! Where a route goes: as the file defines it, and alive, with its addresses and the connections'
//! prebuilt peers. One upstream serves every route that defines the same.

mod addresses;
mod definition;
mod live;
mod peer;

pub use definition::UpstreamDefinition;
pub use live::{Upstream, UpstreamError};
