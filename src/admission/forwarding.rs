//! From whom, how, to which host and below which path did the request come? Our `X-Forwarded-*`, which continue the
//! chain of a trusted proxy and otherwise begin one.

use std::borrow::Cow;

use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::request::{AccessRequest, AddressText, Client, normalised_host};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST_AS_SENT: HeaderName = HeaderName::from_static("x-forwarded-host");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

const SEPARATOR: &[u8] = b", ";
/// An address that is not known, as it is written in such a chain.
const UNKNOWN: HeaderValue = HeaderValue::from_static("unknown");

/// The fields of a request that goes on without a token of ours, and less this many segments.
pub(super) fn fields(
    request: AccessRequest<'_>,
    stripped: usize,
) -> [Option<(HeaderName, HeaderValue)>; 5] {
    let believed = request.head.peer.trusted.then_some(request.headers);
    [
        chain(request, believed).map(|value| (FOR, value)),
        Some((PROTO, proto(believed, request.head.peer.encrypted))),
        host(request, believed).map(|value| (HOST_AS_SENT, value)),
        prefix(request, stripped).map(|value| (PREFIX, value)),
        believed.and_then(port).map(|value| (PORT, value)),
    ]
}

/// The peer's address, after the hops that a trusted proxy tells of; a chain that we could not
/// read goes no further.
fn chain(request: AccessRequest<'_>, believed: Option<&HeaderMap>) -> Option<HeaderValue> {
    let peer = &request.head.peer;
    let address = AddressText::of(peer.address);
    let believed = believed.filter(|_| peer.client != Client::Unknown);
    let mut chain = Vec::new();
    for line in believed.iter().flat_map(|headers| headers.get_all(FOR)) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(SEPARATOR);
    }
    match (peer.address.is_unspecified(), chain.is_empty()) {
        (false, true) => return HeaderValue::from_bytes(address.as_bytes()).ok(),
        (false, false) => chain.extend_from_slice(address.as_bytes()),
        // A peer without an address adds none to what it tells; of itself alone, nothing is known.
        (true, true) => return Some(UNKNOWN),
        (true, false) => chain.truncate(chain.len() - SEPARATOR.len()),
    }
    HeaderValue::try_from(chain).ok()
}

/// What a trusted proxy says of its own caller, and otherwise how ours came.
fn proto(believed: Option<&HeaderMap>, encrypted: bool) -> HeaderValue {
    let told = believed.and_then(|headers| only(headers, &PROTO));
    let told = told.map(|told| told.as_bytes().eq_ignore_ascii_case(b"https"));
    HeaderValue::from_static(match told.unwrap_or(encrypted) {
        true => "https",
        false => "http",
    })
}

/// The host as it was sent to us, or to the trusted proxy.
fn host(request: AccessRequest<'_>, believed: Option<&HeaderMap>) -> Option<HeaderValue> {
    let told = believed.and_then(|headers| only(headers, &HOST_AS_SENT));
    let is_host = |host: &str| normalised_host(host).is_some();
    let told = told.filter(|host| host.to_str().is_ok_and(is_host));
    if let Some(host) = told.or_else(|| only(request.headers, &HOST)) {
        return Some(host.clone());
    }
    HeaderValue::from_str(request.head.host.as_ref()?.as_str()).ok()
}

/// What was taken off the path before the upstream sees it, by the trusted proxy and by us.
fn prefix(request: AccessRequest<'_>, stripped: usize) -> Option<HeaderValue> {
    let AccessRequest { head, headers } = request;
    if stripped == 0 && !head.peer.trusted {
        return None;
    }
    let own = head.path.before(stripped);
    let prefix = match head.believed_prefix(headers) {
        Some(theirs) => Cow::Owned(theirs + own),
        None => Cow::Borrowed(own),
    };
    let value = HeaderValue::from_str(&prefix).ok();
    value.filter(|prefix| !prefix.is_empty())
}

fn port(believed: &HeaderMap) -> Option<HeaderValue> {
    let port = only(believed, &PORT)?;
    let number = port.to_str().ok()?.parse::<u16>().ok()?;
    (number > 0).then(|| HeaderValue::from(number))
}

/// A field that came exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}
