//! Where a route goes: as the file defines it, and alive, with its addresses and its connections.
//! One upstream serves every route that defines the same, and one resolver every upstream of the
//! same host name.

mod addresses;
mod answer_io;
mod connect;
mod connection;
mod definition;
mod live;
mod lookups;
mod names;
mod peer;
mod pool;
mod request_body;
mod through_proxy;

pub use answer_io::UpstreamSocket;
pub use connect::{ConnectError, Connector};
pub use connection::{Connection, ExchangeError};
pub use definition::{ProxyDefinition, UpstreamDefinition};
pub use live::{Upstream, UpstreamError};
pub use names::Names;
pub use request_body::RequestBody;
