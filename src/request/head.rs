//! From a head as it was parsed to what deciding needs, or a refusal: limits, framing, host, path.
//! What a parser lets through and an upstream could read differently ends here. Every kind of
//! listener that speaks HTTP asks this, once for each request.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use super::{CanonicalPath, Host, Peer};
use crate::reason::Reason;

/// A request without its header fields and its body, kept to its end.
/// Not `Debug`, for queries hold what is nobody's business.
#[derive(Clone)]
pub struct Head {
    pub listener: Arc<str>,
    /// HEAD is matched as GET.
    pub method: Method,
    /// `None` where HTTP/1.0 sent none.
    pub host: Option<Host>,
    /// The one form that is matched and forwarded; the query, untouched, with it.
    pub path: CanonicalPath,
    pub peer: Peer,
}

/// What was read of a request, and the header fields it came with, as received.
/// Not `Debug`, for they hold credentials.
#[derive(Clone, Copy)]
pub struct AccessRequest<'a> {
    pub head: &'a Head,
    pub headers: &'a HeaderMap,
}

/// A head as its parser hands it over.
pub struct Sent<'a> {
    pub method: &'a Method,
    pub version: Version,
    /// The request target, split by its parser, and otherwise byte for byte.
    pub uri: &'a Uri,
    /// What stands in for `Host`: HTTP/2's `:authority`, or what a trusted proxy says.
    pub authority: Option<&'a HeaderValue>,
    pub headers: &'a HeaderMap,
}

/// The bounds of a request, in bytes; its head's are the edge's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub uri: usize,
    /// What `Content-Length` may announce.
    pub body: u64,
}

/// What is too large, ambiguous or malformed. The detail goes to the log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct HeadError {
    pub reason: Reason,
    pub detail: Cow<'static, str>,
}

impl Head {
    pub fn read(
        listener: &Arc<str>,
        peer: Peer,
        sent: &Sent<'_>,
        limits: &Limits,
    ) -> Result<Self, HeadError> {
        if *sent.method == Method::CONNECT {
            return refuse(
                Reason::MethodNotAllowed,
                "CONNECT, and this is no forward proxy",
            );
        }
        let target = sent.uri.path_and_query();
        if target.is_some_and(|target| target.as_str().len() > limits.uri) {
            let why = "the request target is longer than limits.uri";
            return refuse(Reason::UriTooLong, why);
        }
        check_framing(sent.headers, limits)?;
        Ok(Self {
            listener: Arc::clone(listener),
            method: sent.method.clone(),
            host: host(sent)?,
            path: path(sent)?,
            peer,
        })
    }
}

/// RFC 9112 §6: one way to tell where the message ends, or none at all.
fn check_framing(headers: &HeaderMap, limits: &Limits) -> Result<(), HeadError> {
    let framing = |detail| refuse(Reason::BadFraming, detail);
    check_connection(headers)?;
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return framing("Content-Length was sent more than once");
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return framing("Transfer-Encoding is not exactly `chunked`");
        }
        if length.is_some() {
            return framing("Content-Length beside Transfer-Encoding");
        }
    }
    let Some(length) = length else { return Ok(()) };
    let digits = length.as_bytes();
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return framing("Content-Length is not one number");
    }
    let bytes = digits.iter().fold(0_u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    if bytes > limits.body {
        let why = "Content-Length is larger than limits.body";
        return refuse(Reason::BodyTooLarge, why);
    }
    Ok(())
}

/// RFC 9110 §7.6.1: `Connection` is a list of names, and not of those that a message needs.
fn check_connection(headers: &HeaderMap) -> Result<(), HeadError> {
    const NEEDED: [HeaderName; 3] = [
        header::CONTENT_LENGTH,
        header::HOST,
        header::TRANSFER_ENCODING,
    ];
    for list in headers.get_all(header::CONNECTION) {
        for name in list.as_bytes().split(|byte| *byte == b',') {
            let name = name.trim_ascii();
            match HeaderName::from_bytes(name) {
                Ok(name) if NEEDED.contains(&name) => {
                    return refuse(
                        Reason::BadFraming,
                        "Connection names what the message needs",
                    );
                }
                Err(_) if !name.is_empty() => {
                    return refuse(Reason::BadFraming, "Connection is not a list of names");
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// RFC 9112 §3.2: HTTP/1.1 has exactly one Host, and it is a host. A target in absolute form names
/// the same one.
fn host(sent: &Sent<'_>) -> Result<Option<Host>, HeadError> {
    let mut hosts = sent.headers.get_all(header::HOST).iter();
    let host = match (sent.authority, hosts.next(), hosts.next()) {
        (Some(authority), ..) => authority,
        (None, _, Some(_)) => return refuse(Reason::BadHost, "Host was sent more than once"),
        (None, None, None)
            if sent.version == Version::HTTP_10 && sent.uri.authority().is_none() =>
        {
            return Ok(None);
        }
        (None, None, None) => return refuse(Reason::BadHost, "Host is missing"),
        (None, Some(host), None) => host,
    };
    if let (None, Some(named)) = (sent.authority, sent.uri.authority())
        && !named
            .as_str()
            .as_bytes()
            .eq_ignore_ascii_case(host.as_bytes())
    {
        return refuse(
            Reason::BadHost,
            "Host is not the one that the request target names",
        );
    }
    match Host::of(host) {
        Some(host) => Ok(Some(host)),
        None => refuse(Reason::BadHost, "Host is not a host"),
    }
}

fn path(sent: &Sent<'_>) -> Result<CanonicalPath, HeadError> {
    CanonicalPath::with_query(sent.uri.path(), sent.uri.query()).map_err(|why| HeadError {
        reason: Reason::BadPath,
        detail: why.to_string().into(),
    })
}

fn refuse<T>(reason: Reason, detail: &'static str) -> Result<T, HeadError> {
    Err(HeadError {
        reason,
        detail: Cow::Borrowed(detail),
    })
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
