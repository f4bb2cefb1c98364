//! The process: its listeners, its log, its own calls, its end.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::{Identity, Issuer, Route};
use crate::config::value::Level;
use crate::located::{
    At, FilePath, HttpUrl, May, Must, Named, NodeId, Read, Reader, Schemas, Size, object,
};
use crate::telemetry::LogFormat;

object! {
    /// The configuration of bearergate: a route is who may come in, where it goes, and whose token it carries.
    File "the configuration, a mapping that begins with `version: 1`" {
        /// The version of this format: 1.
        version: Must<Version>,
        /// Where connections are accepted, by name.
        listeners: Must<Named<Listener>>,
        /// The second listener, for probes and metrics.
        admin: May<Admin>,
        /// How the gateway itself gets keys and tokens.
        fetch: May<Fetch>,
        /// The process's own log.
        log: May<Log>,
        /// Worker threads; the cores by default.
        threads: May<u32>,
        /// How the process ends.
        shutdown: May<Shutdown>,
        /// Whose tokens callers may bring, by name.
        issuers: May<Named<Issuer>>,
        /// Who the gateway is when it asks for a token, by name.
        identities: May<Named<Identity>>,
        /// Who may come in, where it goes, and whose token it carries.
        routes: Must<Vec<At<Route>>>,
    }
    later ["tests"]
}

object! {
    /// An address that accepts connections.
    Listener "a listener such as `{ address: 127.0.0.1:8080 }`" {
        /// Address and port; port 0 takes any that is free.
        address: Must<SocketAddr>,
        /// The networks whose X-Forwarded-* headers and request ids are believed; nobody's by default.
        trusted_proxies: May<Vec<At<IpNet>>>,
        /// Bounds in size and number.
        limits: May<Limits>,
        /// Bounds in time.
        timeouts: May<Timeouts>,
    }
    later ["tls", "protocols"]
}

object! {
    /// Bounds in size and number of a listener.
    Limits "a mapping of limits" {
        /// The request target; 8KiB by default.
        uri: May<Size>,
        /// The whole request head; 32KiB by default.
        header: May<Size>,
        /// The request body; 100MiB by default.
        body: May<Size>,
        /// Connections at a time; 10000 by default.
        connections: May<u32>,
    }
}

object! {
    /// Bounds in time of a listener.
    Timeouts "a mapping of timeouts" {
        /// For a whole request head; 10s by default.
        header: May<Duration>,
        /// Between requests on a connection; 60s by default.
        idle: May<Duration>,
        /// Between two reads of a body; 30s by default.
        body: May<Duration>,
    }
}

object! {
    /// The second listener: /livez, /readyz, /metrics.
    Admin "an admin listener such as `{ address: 127.0.0.1:9090 }`" {
        /// Address and port; none of the listeners'.
        address: Must<SocketAddr>,
    }
    later ["callers"]
}

object! {
    /// How the gateway itself gets keys and tokens.
    Fetch "a mapping such as `{ timeout: 10s }`" {
        /// For a whole exchange; 10s by default.
        timeout: May<Duration>,
        /// PEM certificates to trust instead of the system's.
        ca_file: May<FilePath>,
        /// A proxy for https destinations other than loopback.
        proxy: May<HttpUrl>,
    }
}

object! {
    /// The process's own log, on standard error.
    Log "a mapping such as `{ level: info }`" {
        /// The least severe level that is written; info by default.
        level: May<Level>,
        /// One JSON object a line, or text for people; json by default.
        format: May<LogFormat>,
        /// Whether each request gets a line; true by default.
        access: May<bool>,
    }
}

object! {
    /// How the process ends when it is told to.
    Shutdown "a mapping such as `{ delay: 5s, grace: 25s }`" {
        /// How long it still accepts after it says that it is not ready; 0s by default.
        delay: May<Duration>,
        /// How long requests in flight may take to end; 25s by default.
        grace: May<Duration>,
    }
}

/// `version: 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Version;

impl Read for Version {
    fn read(node: NodeId, reader: &mut Reader<'_, '_>) -> Option<Self> {
        if reader.scalar(node) == Some(("1", true)) {
            return Some(Self);
        }
        reader.unexpected(node, "the number `1`, the only version there is");
        None
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "const": 1 })
    }
}
