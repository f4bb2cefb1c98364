//! The second listener, for those who run the gateway: is it alive, is it ready, how is it doing?

mod endpoint;
mod observed;
mod observers;
mod orders;
mod pages;
mod readiness;
mod samples;
mod status;

pub use endpoint::Admin;
pub use observed::Observed;
pub use readiness::{IssuerReport, Readiness, ReadyReport, TokenReport, Unfit};
