//! What a head of HTTP/2 means in the words of HTTP/1.1 (RFC 9113 §8.3), so that one room reads both:
//! the authority is the host, a length that is not told is chunks, and what the codec lets through that
//! HTTP/1.1 would not is refused.

use bytes::BytesMut;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::Fault;

/// As many as HTTP/1.1 may have.
const FIELDS: usize = 100;
const NAME: usize = 1024;
/// What HTTP/1.1 writes beside a name and its value.
const BESIDE: usize = 4;
const TRAILER_FIELDS: usize = 32;
const TRAILERS: usize = 8 * 1024;

/// Of one connection; the codec refuses them where it sees them (RFC 9113 §8.2.2).
const OF_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Checks a head of `most` bytes at most, and brings it into the shape in which HTTP/1.1 comes.
/// `has_body`: its stream has not ended with it.
pub fn reshape(head: &mut Parts, most: usize, has_body: bool) -> Result<(), Fault> {
    check(&head.headers, most, head_line(&head.uri), FIELDS)?;
    if head
        .uri
        .scheme_str()
        .is_some_and(|scheme| !matches!(scheme, "http" | "https"))
    {
        return Err(Fault::Scheme);
    }
    // The codec takes `?x`, which is no path (RFC 9113 §8.3.1), and `/` would be put before it later.
    let path = head.uri.path_and_query().map(|it| it.as_str());
    if path.is_some_and(|path| !path.starts_with(['/', '*'])) {
        return Err(Fault::Path);
    }
    join_cookies(&mut head.headers);
    take_authority(head);
    if has_body && !head.headers.contains_key(header::CONTENT_LENGTH) {
        let chunked = HeaderValue::from_static("chunked");
        head.headers.insert(header::TRANSFER_ENCODING, chunked);
    }
    Ok(())
}

/// The rules for what comes behind a body. `is_of_the_head`: whether a field of this name belongs there.
pub fn trailers(fields: &HeaderMap, is_of_the_head: fn(&str) -> bool) -> Result<(), Fault> {
    let checked = check(fields, TRAILERS, 0, TRAILER_FIELDS);
    checked.map_err(|fault| match fault {
        Fault::HeadTooLarge | Fault::TooManyFields => Fault::TrailersTooLarge,
        fault => fault,
    })?;
    match fields.keys().any(|name| is_of_the_head(name.as_str())) {
        true => Err(Fault::TrailerForbidden),
        false => Ok(()),
    }
}

fn head_line(uri: &Uri) -> usize {
    let part = |part: Option<&str>| part.map_or(0, str::len);
    part(uri.path_and_query().map(|it| it.as_str())) + part(uri.authority().map(|it| it.as_str()))
}

fn check(fields: &HeaderMap, most: usize, beside: usize, number: usize) -> Result<(), Fault> {
    if fields.len() > number {
        return Err(Fault::TooManyFields);
    }
    let mut bytes = beside;
    for (name, value) in fields {
        if name.as_str().len() > NAME {
            return Err(Fault::NameTooLong);
        }
        bytes += name.as_str().len() + value.len() + BESIDE;
        if OF_CONNECTION.contains(name) {
            return Err(Fault::OfConnection);
        }
        // SECURITY: gateways to CGI and WSGI read `_` as `-`.
        if name.as_str().contains('_')
            && matches!(
                &*name.as_str().replace('_', "-"),
                "content-length" | "transfer-encoding"
            )
        {
            return Err(Fault::Lookalike);
        }
        // RFC 9113 §8.2.1; HTTP/1.1 would take it off, and a rule compare what an upstream does not see.
        let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        if is_blank(value.as_bytes().first()) || is_blank(value.as_bytes().last()) {
            return Err(Fault::Blank);
        }
    }
    match bytes > most {
        true => Err(Fault::HeadTooLarge),
        false => Ok(()),
    }
}

/// RFC 9113 §8.2.3: they may come apart, and go on as one.
fn join_cookies(fields: &mut HeaderMap) {
    let mut cookies = fields.get_all(header::COOKIE).iter();
    if cookies.by_ref().take(2).count() < 2 {
        return;
    }
    let mut whole = BytesMut::new();
    for cookie in fields.get_all(header::COOKIE) {
        if !whole.is_empty() {
            whole.extend_from_slice(b"; ");
        }
        whole.extend_from_slice(cookie.as_bytes());
    }
    // INVARIANT: made of values, it is one.
    if let Ok(whole) = HeaderValue::from_maybe_shared(whole.freeze()) {
        fields.insert(header::COOKIE, whole);
    }
}

/// `:authority` is the host, and the target keeps its path alone. Where `Host` says otherwise, all stays
/// as it is: reading the head refuses it as an absolute target of HTTP/1.1 that names another host.
fn take_authority(head: &mut Parts) {
    let Some(authority) = head.uri.authority() else {
        return;
    };
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let agrees = match (hosts.next(), hosts.next()) {
        (None, _) => true,
        (Some(host), None) => host
            .as_bytes()
            .eq_ignore_ascii_case(authority.as_str().as_bytes()),
        (Some(_), Some(_)) => false,
    };
    let Ok(host) = HeaderValue::from_str(authority.as_str()) else {
        return;
    };
    let path = head.uri.path_and_query().cloned();
    if let (true, Some(path)) = (agrees, path) {
        head.headers.insert(header::HOST, host);
        head.uri = Uri::from(path);
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
