//! What does the file say of a listener? Where it accepts, and its bounds in size and time.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::{Address, Protocols, TlsDefinition};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerDefinition {
    pub name: Arc<str>,
    pub address: Address,
    pub protocols: Protocols,
    /// `None`: in clear.
    pub tls: Option<TlsDefinition>,
    /// Whether those of `trusted_proxies` say first for whom they speak (PROXY protocol).
    pub proxy_protocol: bool,
    /// Whose `X-Forwarded-*` and request ids are believed.
    pub trusted_proxies: Vec<IpNet>,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub uri: usize,
    /// The whole request head.
    pub header: usize,
    pub body: u64,
    /// Bytes a second that a request's body comes with at least, on average; 0: no bound.
    pub body_rate: u64,
    pub connections: usize,
    /// Of them, from one peer address.
    pub per_address: usize,
    /// Bytes of all heads that have begun and not ended.
    pub unfinished: usize,
    /// Requests at a time on one connection of HTTP/2.
    pub streams: usize,
    /// TLS handshakes that are under way.
    pub handshakes: usize,
    /// Of one connection, in all; it ends with the last.
    pub requests: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request to the end of its head.
    pub header: Duration,
    /// Between requests on a connection, and before the first byte.
    pub idle: Duration,
    /// Between two reads of the body, and between two writes of the answer.
    pub body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            uri: 8 * 1024,
            header: 32 * 1024,
            body: 100 * 1024 * 1024,
            body_rate: 240,
            connections: 10_000,
            per_address: 5_000,
            unfinished: 16 * 1024 * 1024,
            streams: 100,
            handshakes: 1000,
            requests: usize::MAX,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            body: Duration::from_secs(30),
        }
    }
}
