//! A route: who may come in, where it goes, and whose token it carries.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, header};

use super::folded::Folded;
use super::{Cors, Template};
use crate::inbound::Gate;
use crate::limit::Limit;
use crate::outbound::{Egress, TokenDefinition, Upstream, UpstreamDefinition};
use crate::policy::{Callers, QueryRules};
use crate::request::{AllowedForms, CanonicalPath, Params};
use crate::telemetry::RouteMetrics;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDefinition {
    pub id: Arc<str>,
    pub listener: Arc<str>,
    /// `match.host`; `None`: any.
    pub host: Option<HostPattern>,
    pub path: Template,
    /// Found by the folded form of the path: `match.ignore_case`, and always for Graph, which
    /// ignores case.
    pub ignore_case: bool,
    /// Forms of a path that are read in several ways, and that may pass.
    pub path_forms: AllowedForms,
    /// `match.methods`; `None`: all but CONNECT and TRACE.
    pub methods: Option<Vec<Method>>,
    pub callers: Arc<Callers>,
    pub upstream: UpstreamDefinition,
    pub token: TokenDefinition,
    /// What the upstream is told of the caller.
    pub caller_headers: Vec<(HeaderName, CallerClaim)>,
    /// Exceptions from what is stripped.
    pub keep_headers: Vec<HeaderName>,
    /// Which web pages may call it, where the file says so.
    pub cors: Option<Cors>,
    /// How many requests, and how large.
    pub limits: RouteLimits,
    /// `end_with_token: true`: what lasts longer than the caller's token ends with it.
    pub end_with_token: bool,
    /// From a request's head to its answer's last byte.
    pub request_timeout: Option<Duration>,
    /// `allow_batch: true`: `$batch` may pass a route that carries our token.
    pub allow_batch: bool,
    /// `method_override: true`: `X-HTTP-Method` and kin are the method.
    pub method_override: bool,
    /// `query.allow`: options that may pass beside those that are always let through.
    pub query: QueryRules,
}

/// `limits:` of a route; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteLimits {
    /// Of all whom it lets in.
    pub whole: Option<Limit>,
    /// Of each whom it lets in, where the entry that does says nothing else.
    pub per_caller: Option<Limit>,
    /// Of each address, whoever asks.
    pub per_address: Option<Limit>,
    /// Bytes of a request's body; `None`: the listener's.
    pub body: Option<u64>,
}

impl RouteDefinition {
    /// The parameters of a path that this route was found for.
    pub(super) fn params(&self, path: &CanonicalPath) -> Option<Params> {
        let exact = self.path.matches(path);
        if exact.is_some() || !self.ignore_case {
            return exact;
        }
        let strip_segments = self.upstream.strip_segments;
        let values = Folded::of(&self.path).values(path.matched(), strip_segments)?;
        let mut params = Params::none();
        for (name, value) in values {
            params.push(name, value);
        }
        Some(params)
    }
}

/// A host pattern, lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(String),
    /// `*.example.com`: one or more labels before the suffix `.example.com`.
    Suffix(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallerClaim {
    /// `app:…`, `user:…`, `key:…`, `address:…`, `anyone`.
    Principal,
    /// The calling application, in v1 and v2 tokens.
    Azp,
    Oid,
    Sub,
    Tid,
    /// App roles, comma-separated.
    Roles,
    /// Delegated scopes, space-separated.
    Scp,
    Uti,
    Name,
    /// The user's sign-in name; mutable.
    PreferredUsername,
}

impl CallerClaim {
    /// Every one with its word in the file.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("principal", Self::Principal),
        ("azp", Self::Azp),
        ("oid", Self::Oid),
        ("sub", Self::Sub),
        ("tid", Self::Tid),
        ("roles", Self::Roles),
        ("scp", Self::Scp),
        ("uti", Self::Uti),
        ("name", Self::Name),
        ("preferred_username", Self::PreferredUsername),
    ];
}

pub struct Route {
    pub definition: RouteDefinition,
    pub gate: Gate,
    pub egress: Egress,
    /// Where it goes; shared by all routes that go to the same.
    pub upstream: Arc<Upstream>,
    pub metrics: RouteMetrics,
}

impl Route {
    /// Whether its answers may set cookies. Where our own token travels, the session is ours.
    pub fn lets_cookies_back(&self) -> bool {
        !self.egress.is_ours() || self.definition.keep_headers.contains(&header::SET_COOKIE)
    }
}
