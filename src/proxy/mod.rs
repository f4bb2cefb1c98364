//! A request's way through Pingora's phases. Nothing is decided here: `admission` decides, and
//! without its `Admission` nothing is forwarded.

mod answer;
mod context;
mod failure;
mod gateway;
mod incoming;
mod outgoing;

pub use context::Context;
pub(crate) use gateway::ATTEMPTS;
pub use gateway::Gateway;
