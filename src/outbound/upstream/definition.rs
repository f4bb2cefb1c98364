//! What does the file say of an upstream? Its urls, its trust, its time; and what follows from them
//! alone: authorities, origins, the path that is asked for.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::{HealthDefinition, RetriesDefinition};
use crate::certified_key::CertifiedKey;
use crate::edge::TlsVersion;
use crate::request::CanonicalPath;

/// A forward proxy, spoken to over http.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProxyDefinition {
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// `Proxy-Authorization`, marked as sensitive.
    pub authorization: Option<HeaderValue>,
}

impl fmt::Display for ProxyDefinition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", bracketed(&self.host), self.port)
    }
}

/// Where a route goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamDefinition {
    /// One for each url, at least one. They differ in host and port alone.
    pub endpoints: Vec<EndpointDefinition>,
    pub balance: Balance,
    /// `limits.requests`: that may be with it at a time.
    pub most_requests: Option<usize>,
    /// `None`: what failed is not repeated.
    pub retries: Option<RetriesDefinition>,
    /// The path of each url without its final slash; what goes before the forwarded path.
    pub base_path: String,
    /// How many leading segments are taken off.
    pub strip_segments: usize,
    /// `host: preserve`.
    pub preserve_host: bool,
    /// `rewrite_location: true`.
    pub rewrite_location: bool,
}

/// Which version of HTTP an upstream is spoken to by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 by ALPN, over TLS.
    Http2,
    /// HTTP/2 without TLS, by prior knowledge (RFC 9113 §3.3).
    Http2Clear,
    /// The newer of the two that it agrees to by ALPN.
    Auto,
}

impl UpstreamProtocol {
    /// Every one with its word in the file.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("h1", Self::Http1),
        ("h2", Self::Http2),
        ("h2c", Self::Http2Clear),
        ("auto", Self::Auto),
    ];

    /// Whether HTTP/1.1 is never spoken: then there is nothing to switch from.
    pub fn is_only_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2Clear)
    }
}

/// How requests are shared out among several urls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Balance {
    RoundRobin,
    /// To whichever has the fewest now.
    LeastRequests,
}

/// What a url of an upstream leads to, and all that its connections depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointDefinition {
    /// `https`.
    pub tls: bool,
    /// The host of the url: a name or an address, without brackets.
    pub host: String,
    pub port: u16,
    /// `socket`: where it is instead of at the url's host.
    pub socket: Option<PathBuf>,
    pub protocol: UpstreamProtocol,
    /// `header_case: preserve`.
    pub preserve_header_case: bool,
    /// The proxy that an `https` upstream is reached through.
    pub proxy: Option<ProxyDefinition>,
    /// What it is shown, where it asks for a certificate.
    pub client_certificate: Option<CertifiedKey>,
    pub minimum_tls: TlsVersion,
    /// PEM certificates of `ca_file`; `None`: the system's.
    pub ca_pem: Option<Arc<Vec<u8>>>,
    /// To connect, TLS included.
    pub connect_timeout: Duration,
    /// Between two reads of the response, and until its head.
    pub response_timeout: Duration,
    pub health: HealthDefinition,
}

impl UpstreamDefinition {
    /// A visit's memory has a bit for each.
    pub const MOST_ENDPOINTS: usize = 64;

    /// The target that goes on: the canonical bytes that were matched, less the stripped segments
    /// (an empty rest is `/`), after the url's own path, and the query.
    pub fn forwarded_target<'a>(&self, path: &'a CanonicalPath) -> Cow<'a, str> {
        let rest = path.after(self.strip_segments);
        let slash = if rest.starts_with('/') { "" } else { "/" };
        if self.base_path.is_empty() && slash.is_empty() {
            Cow::Borrowed(rest)
        } else {
            Cow::Owned(format!("{}{slash}{rest}", self.base_path))
        }
    }

    /// `header_case: preserve`.
    pub fn preserves_header_case(&self) -> bool {
        self.endpoints.iter().any(|it| it.preserve_header_case)
    }

    /// Whether none of it is ever spoken to by HTTP/1.1.
    pub fn is_only_http2(&self) -> bool {
        self.endpoints.iter().all(|it| it.protocol.is_only_http2())
    }

    /// Scheme, host and port of each url, as they are told of together.
    pub fn origins(&self) -> String {
        let origins: Vec<_> = self.endpoints.iter().map(|it| it.origin()).collect();
        origins.join(", ")
    }
}

impl Hash for EndpointDefinition {
    /// Where it is tells nearly all apart: a thousand routes may name one `ca_file` of 200 KB.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.tls, &self.host, self.port, &self.socket).hash(state);
    }
}

impl EndpointDefinition {
    /// The host where it is an address, which needs no resolution.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// Where its connections go first: to itself or to its proxy. Host and port.
    pub fn first_hop(&self) -> (&str, u16) {
        match &self.proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&self.host, self.port),
        }
    }

    /// As a proxy is asked for it.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }

    /// As in `Host` (RFC 9110 §7.2): a default port left out, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        let host = bracketed(&self.host);
        let default_port = if self.tls { 443 } else { 80 };
        if self.port == default_port {
            host.into_owned()
        } else {
            format!("{host}:{}", self.port)
        }
    }

    pub fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }
}

fn bracketed(host: &str) -> Cow<'_, str> {
    match host.contains(':') {
        true => Cow::Owned(format!("[{host}]")),
        false => Cow::Borrowed(host),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn definition(host: &str) -> EndpointDefinition {
        EndpointDefinition {
            tls: false,
            host: host.to_owned(),
            port: 8080,
            socket: None,
            protocol: UpstreamProtocol::Http1,
            preserve_header_case: false,
            proxy: None,
            client_certificate: None,
            minimum_tls: TlsVersion::V1_2,
            ca_pem: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
            health: HealthDefinition::default(),
        }
    }

    #[test]
    fn an_origin_leaves_out_a_default_port_only_and_brackets_ipv6() {
        for (host, tls, port, origin) in [
            ("api.internal", false, 8080, "http://api.internal:8080"),
            ("::1", false, 8080, "http://[::1]:8080"),
            ("::1", true, 443, "https://[::1]"),
            ("api.internal", false, 80, "http://api.internal"),
            ("api.internal", true, 80, "https://api.internal:80"),
            ("10.0.0.1", true, 443, "https://10.0.0.1"),
        ] {
            let definition = EndpointDefinition {
                tls,
                port,
                ..definition(host)
            };
            assert_eq!(definition.origin(), origin);
        }
    }
}
