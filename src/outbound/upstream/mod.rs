//! Where a route goes: as the file defines it, and alive, each of its urls an endpoint with its
//! addresses and its connections. One upstream serves every route that defines the same, one endpoint
//! every upstream with the same url, and one resolver every endpoint of the same host name.

mod addresses;
mod answer_io;
mod carrier;
mod carriers;
mod check;
mod connect;
mod connection;
mod definition;
mod endpoint;
mod health;
mod http2;
mod live;
mod lookups;
mod names;
mod peer;
mod pool;
mod request_body;
mod retries;
mod through_proxy;
mod visit;

pub use answer_io::UpstreamSocket;
pub use carrier::{AnswerStream, Broken, Carrier, ExchangeError};
pub use carriers::Carries;
pub use check::CheckDefinition;
pub use connect::ConnectError;
pub use definition::{
    Balance, EndpointDefinition, ProxyDefinition, UpstreamDefinition, UpstreamProtocol,
};
pub use endpoint::{Endpoint, Endpoints};
pub use health::{Condition, HealthDefinition};
pub use live::{Upstream, UpstreamError};
use names::Names;
pub use request_body::RequestBody;
pub use retries::RetriesDefinition;
pub use visit::{Crowded, Visit};
