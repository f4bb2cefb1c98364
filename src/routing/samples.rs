//! Route definitions for the tests of those who find and use routes.

use std::time::Duration;

use http::Method;

use super::{HostPattern, RouteDefinition, RouteLimits, Template};
use crate::edge::TlsVersion;
use crate::outbound::{
    Balance, EndpointDefinition, HealthDefinition, TokenDefinition, UpstreamDefinition,
    UpstreamProtocol,
};
use crate::policy::{ApiKeyCondition, Callers, Credential, Entry, QueryRules, Where};
use crate::request::AllowedForms;

/// A public route of listener `apis` that carries nothing.
pub(crate) fn definition(id: &str, path: &str) -> RouteDefinition {
    RouteDefinition {
        id: id.into(),
        listener: "apis".into(),
        host: None,
        path: Template::parse(path).unwrap(),
        ignore_case: false,
        path_forms: AllowedForms::default(),
        methods: None,
        callers: Callers::Public.into(),
        upstream: upstream("", 0),
        token: TokenDefinition::Nothing,
        caller_headers: Vec::new(),
        keep_headers: Vec::new(),
        cors: None,
        limits: RouteLimits::default(),
        end_with_token: false,
        request_timeout: None,
        allow_batch: false,
        method_override: false,
        query: QueryRules::default(),
    }
}

/// An upstream on loopback.
pub(crate) fn upstream(base_path: &str, strip_segments: usize) -> UpstreamDefinition {
    UpstreamDefinition {
        endpoints: vec![EndpointDefinition {
            tls: false,
            host: "127.0.0.1".to_owned(),
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
        }],
        balance: Balance::RoundRobin,
        most_requests: None,
        retries: None,
        base_path: base_path.to_owned(),
        strip_segments,
        preserve_host: false,
        rewrite_location: false,
    }
}

impl RouteDefinition {
    pub(crate) fn taking(mut self, methods: &[&str]) -> Self {
        let parsed = methods
            .iter()
            .map(|name| Method::from_bytes(name.as_bytes()).unwrap());
        self.methods = Some(parsed.collect());
        self
    }

    pub(crate) fn ignoring_case(mut self) -> Self {
        self.ignore_case = true;
        self
    }

    /// With a key of this name.
    pub(crate) fn for_key(mut self, id: &str) -> Self {
        let entry = Entry {
            credential: Some(Credential::ApiKey(ApiKeyCondition {
                id: id.into(),
                sha256: [0; 32],
            })),
            network: None,
            parameters: Where::default(),
            limit: None,
        };
        self.callers = Callers::Entries(vec![entry].into()).into();
        self
    }

    /// `*.example.com`, `api.example.com`.
    pub(crate) fn at_host(mut self, pattern: &str) -> Self {
        self.host = Some(match pattern.strip_prefix('*') {
            Some(suffix) => HostPattern::Suffix(suffix.to_owned()),
            None => HostPattern::Exact(pattern.to_owned()),
        });
        self
    }
}
