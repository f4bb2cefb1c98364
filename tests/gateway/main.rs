//! Everything that is tested from outside of the library, in one program: the gateway on real sockets,
//! the binary as its users run it, the pages that tell of it, and the house that it is built as.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]
#![allow(unreachable_pub, reason = "nobody is outside of a program of tests")]

mod architecture;
mod attacks;
mod change;
mod cli;
mod config;
mod cors;
mod crowds;
mod docs;
mod edge;
mod encrypted;
mod guides;
mod http2;
mod intrusion;
mod limits;
mod local;
mod on_behalf_of;
mod outages;
mod outbound;
mod proof_by_type;
mod proxied_by;
mod reload;
mod shutdown;
mod sources;
mod status;
mod support;
mod targets;
mod telemetry;
mod upstream;
