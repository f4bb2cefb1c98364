//! The table: each header name that means something to us, what it is about, and when it goes on.
//! What is not here goes on, but not beside a token of ours.

use http::{HeaderName, header};

use About::{Caller, Credentials, Message, Request, Way};
use Removal::{Always, Misspelled, Never, OnTokenRoutes, UnlessKept};

use super::spelling::{are_one, begins};

/// Also the id's name on its way back; trusted proxies send it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static(REQUEST_ID);
const REQUEST_ID: &str = "x-request-id";

/// When a request's field does not go on; the stricter, the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    /// SECURITY: what goes on beside our token is a list. Nobody knows every header by which some
    /// API acts for another user, or copies from another place.
    Never,
    /// In every spelling but the right one, which is read by us and set by the proxy.
    Misspelled,
    /// On routes that carry our token, unless their `keep_headers` names it: what is not in the table.
    Unlisted,
    /// On routes that carry our token.
    OnTokenRoutes,
    /// Unless the route's `keep_headers` names it: what upstreams believe of a proxy.
    UnlessKept,
    /// On every route: credentials, foreign forwarding fields, overrides of method and URL.
    Always,
}

/// What a field tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Caller,
    /// What is asked for, and how.
    Request,
    /// Its framing (RFC 9110 §6.1, RFC 9112 §6), its content, its connection.
    Message,
    /// By which requests are routed or rewritten.
    Way,
    Credentials,
}

type Names = &'static [(About, Removal, &'static str)];

/// Whole names.
#[rustfmt::skip]
pub(super) const NAMES: Names = &[
    (Credentials, Always, "authorization x-api-key x-forwarded-access-token x-forwarded-authorization"),
    (Credentials, OnTokenRoutes, "cookie cookie2 proxy-authenticate proxy-authorization www-authenticate x-auth-token"),
    (Credentials, OnTokenRoutes, SET_COOKIE),
    // `Proxy` is `HTTP_PROXY` to whoever reads headers through CGI (CVE-2016-5385).
    (Way, Always, "forwarded proxy x-forwarded x-forwarded-for x-forwarded-host x-forwarded-proto \
        x-method-override x-http-verb-override x-original-host x-original-method x-original-uri \
        x-original-url x-real-ip x-rewrite-url x-forwarded-by x-forwarded-method x-forwarded-path \
        x-forwarded-port x-forwarded-prefix x-forwarded-protocol x-forwarded-scheme x-forwarded-server \
        x-forwarded-ssl x-forwarded-uri x-envoy-external-address x-envoy-internal x-host \
        x-http-host-override x-original-forwarded-for"),
    (Way, OnTokenRoutes, "origin"),
    (Way, Misspelled, REQUEST_ID),
    (Way, Never, "host"),
    (Message, Misspelled, "content-length transfer-encoding"),
    (Message, Never, "content-encoding content-range content-type expect range"),
    (Message, OnTokenRoutes, "connection date http2-settings keep-alive max-forwards proxy-authentication-info \
        proxy-connection te trailer upgrade via"),
    // gRPC's own, as its specification has them; what it calls metadata is any other name.
    (Message, Never, "grpc-accept-encoding grpc-encoding grpc-message-type grpc-previous-rpc-attempts grpc-timeout"),
    (Request, Never, "accept client-request-id consistencylevel dataserviceversion idempotency-key \
        maxdataserviceversion prefer return-client-request-id soapaction traceparent tracestate user-agent"),
    (Caller, UnlessKept, "cas-user client-cert client-cert-chain client-ip fastly-client-ip fly-client-ip \
        smuser ssl-cert teleport-jwt-assertion tls-client-cert true-client-ip x-access-token x-anonymous-consumer \
        x-auth-email x-auth-groups x-auth-roles x-auth-subject x-authorization \
        x-azure-clientip x-azure-fdid x-azure-socketip x-client-dn x-client-i-dn x-client-ip \
        x-client-s-dn x-client-verify x-cluster-client-ip x-endpoint-api-userinfo x-id-token \
        x-serverless-authorization x-user x-userinfo"),
];

/// Beginnings of names.
#[rustfmt::skip]
pub(super) const FAMILIES: Names = &[
    (Credentials, Always, "x-ms-token-"),
    (Way, Always, "x-envoy-original- x-http-method"),
    (Message, OnTokenRoutes, "sec-"),
    (Request, Never, "accept- content- if- odata-"),
    // SiteMinder, WebSEAL, Oracle Access Manager, ClearTrust, WebLogic, WebSphere, Shibboleth, and
    // what others put into headers for the application behind them.
    (Caller, UnlessKept, "$ws ajp- cf-access- cf-connecting- ct-remote- iv- mellon- oam- oidc- \
        proxy-remote- remote- shib- sm- ssl-client- sslclient tailscale-user- wl-proxy- \
        x-amzn-mtls- x-amzn-oidc- x-apigateway- x-appengine- x-arr- x-auth-request- x-auth-user x-authenticated- \
        x-authentik- x-client-cert x-consumer- x-credential- x-forwarded- x-goog-authenticated-user- \
        x-goog-iap- x-iisnode- x-jwt- x-kong- x-ms-client-principal x-pomerium- x-remote- x-ssl- x-tls-client- x-vouch- \
        x-webauth-"),
];

/// Of answers: a route's `keep_headers` may name it.
const SET_COOKIE: &str = "set-cookie";

pub(super) type Row = (&'static str, About, Removal);

pub(super) fn rows(table: Names) -> impl Iterator<Item = Row> {
    table.iter().flat_map(|(about, removal, names)| {
        let names = names.split_whitespace();
        names.map(|name| (name, *about, *removal))
    })
}

/// The names under one rule, families with a `*`, as the documentation lists them.
pub fn listed(removal: Removal) -> Vec<String> {
    let under = |row: &Row| row.2 == removal;
    let whole = rows(NAMES).filter(under).map(|(name, ..)| name.to_owned());
    let families = rows(FAMILIES).filter(under);
    let mut names: Vec<_> = whole
        .chain(families.map(|(start, ..)| format!("{start}*")))
        .collect();
    names.sort();
    names
}

/// Fields of one connection (RFC 9110 §7.6.1), whether `Connection` names them or not. `Connection`
/// itself and `Transfer-Encoding` belong to whoever frames the message.
pub const OF_ONE_HOP: [&str; 8] = [
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "upgrade",
];

/// Whether some servers take a field of this name for the request's method. Asked of every field.
pub fn is_method_override(name: &HeaderName) -> bool {
    const NAMES: [&str; 2] = ["x-method-override", "x-http-verb-override"];
    let name = name.as_str();
    let is_whole = |known: &&str| are_one(known, name);
    // Nearly every name ends here.
    name.starts_with('x') && (begins(name, "x-http-method") || NAMES.iter().any(is_whole))
}

/// Why a route may not set a header of this name; `None` where it may.
pub fn unnameable(name: &HeaderName) -> Option<&'static str> {
    let name = name.as_str();
    let whole = rows(NAMES).find(|(known, ..)| are_one(known, name));
    let family = || rows(FAMILIES).find(|(start, ..)| begins(name, start));
    match whole.or_else(family)?.1 {
        Caller | Request => None,
        Message => Some("is about the message itself, not about who calls"),
        Way => Some("is about the way of the request, not about who calls"),
        Credentials => Some("carries credentials"),
    }
}

/// Why a route may not keep a header of this name; `None` where it may.
pub fn unkeepable(name: &HeaderName) -> Option<&'static str> {
    if *name == header::SET_COOKIE {
        return None;
    }
    unnameable(name)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
