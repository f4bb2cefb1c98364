//! What the tests stand on: a gateway, what is around it, and raw HTTP to put to it.

mod authority;
mod certificate;
mod connection;
mod frames;
mod gateway;
mod http2;
mod http2_client;
mod origin;
mod process;
mod redis;
mod samples;
pub mod scan;
mod setup;
mod tls_caller;

use std::time::Duration;

pub use authority::{Authority, Issued, Use};
pub use certificate::self_signed;
pub use connection::{Connection, Reply, is};
pub use frames::{Frame, Frames, PREFACE, field, fields};
pub use gateway::{Gateway, Lines};
pub use http2::{Http2Connection, Http2Origin};
pub use http2_client::{client, send, whole};
pub use origin::{Answering, Origin, TlsOrigin, Told};
pub use process::{Process, Ran, command, run};
pub use redis::{Mood, Redis};
pub use samples::sample_files;
pub use setup::{CALC, GRAPH, MAILBOX, Setup, World, contoso, inbox};
pub use tls_caller::TlsCaller;

pub const API_KEY: &str = "payroll-0123456789abcdef0123456789abcdef";
pub const NIGHT_KEY: &str = "night-0123456789abcdef0123456789abcdef";

/// How long anything may take before a test gives up; only ever waited out by a failing test.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that happens by itself; fails with `what` when it does not.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waited).await.is_ok(),
        "waited in vain: {what}"
    );
}
