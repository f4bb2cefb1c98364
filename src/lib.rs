//! bearergate: an authentication gateway for Microsoft Entra ID.
//!
//! *A route is who may come in, where it goes, and whose token it carries.*

pub mod admin;
pub mod admission;
pub mod app;
pub mod certified_key;
pub mod cli;
pub mod clock;
pub mod config;
pub mod edge;
pub mod entra;
pub mod fake;
pub mod guid;
pub mod http1;
pub mod http2;
pub mod http_client;
pub mod inbound;
pub mod jwt;
pub mod limit;
pub mod located;
pub mod outbound;
pub mod pem;
pub mod policy;
pub mod proxy;
pub mod reason;
pub mod refresh;
pub mod request;
pub mod routing;
pub mod secret;
pub mod store;
pub mod telemetry;
