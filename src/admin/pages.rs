//! What do all admin pages have in common? Their heads, and the names that they may be asked by.

use std::net::IpAddr;

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName};
use http::uri::Authority;
use http::{HeaderValue, Response, StatusCode};

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const PROBLEM: &str = "application/problem+json";
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a browser is told of a page that shows who calls what.
const GUARDED: [(HeaderName, &str); 4] = [
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("x-frame-options"), "DENY"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// With what a browser is told of such a page, whether it is shown or refused.
pub(super) fn guarded(mut answer: Response<Vec<u8>>) -> Response<Vec<u8>> {
    let headers = answer.headers_mut();
    for (name, value) in GUARDED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The one `Host` of a request.
///
/// SECURITY: two are two readings.
pub(super) fn only_host(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next()?;
    hosts.next().is_none().then_some(first)
}

pub(super) fn page(status: StatusCode, kind: &'static str, mut body: Vec<u8>) -> Response<Vec<u8>> {
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.push(b'\n');
    }
    let length = HeaderValue::from(body.len());
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// `localhost` or a loopback address, whatever the port.
pub(super) fn names_loopback(host: &HeaderValue) -> bool {
    names(host, |address| address.is_loopback())
}

/// `localhost` or any address, whatever the port.
pub(super) fn names_address(host: &HeaderValue) -> bool {
    names(host, |_| true)
}

fn names(host: &HeaderValue, fits: impl Fn(IpAddr) -> bool) -> bool {
    let authority = host.to_str().ok().and_then(|host| host.parse().ok());
    let Some(authority) = authority.filter(|it: &Authority| !it.as_str().contains('@')) else {
        return false;
    };
    let name = authority.host();
    // What stands behind a bracketed address is no part of it: `[::1].evil`.
    let port = authority
        .as_str()
        .strip_prefix(name)
        .map(|rest| match rest {
            "" => true,
            rest => rest
                .strip_prefix(':')
                .is_some_and(|port| port.parse::<u16>().is_ok()),
        });
    if port != Some(true) {
        return false;
    }
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(name).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(fits)
}
