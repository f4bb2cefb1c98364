//! The second listener, for those who run the gateway: is it alive, is it ready, how is it doing?

mod endpoint;
mod readiness;
mod samples;

pub use endpoint::Admin;
pub use readiness::{IssuerReport, Readiness, ReadyReport, TokenReport, Unfit};
