//! From a head as it was parsed to what deciding needs, or a refusal: limits, framing, host, path.
//! What a parser lets through and an upstream could read differently ends here. Every kind of
//! listener that speaks HTTP asks this, once for each request.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use super::header_names::is_method_override;
use super::{CanonicalPath, Host, Peer};
use crate::reason::Reason;

const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
/// Bytes of a method's name that are read; none is that long.
const LONGEST_METHOD: usize = 32;

/// A request without its header fields and its body, kept to its end.
/// Not `Debug`, for queries hold what is nobody's business.
#[derive(Clone)]
pub struct Head {
    pub listener: Arc<str>,
    /// What the request line says, or the header that overrides it. HEAD is matched as GET.
    pub method: Method,
    /// A header made another method of the request line's.
    pub is_overridden: bool,
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
        let said = Said::of(sent.headers)?;
        check_framing(&said, limits)?;
        let overriding = overriding(sent.method, &said)?;
        Ok(Self {
            listener: Arc::clone(listener),
            is_overridden: overriding.is_some(),
            method: overriding.unwrap_or_else(|| sent.method.clone()),
            host: host(sent, &said)?,
            path: path(sent)?,
            peer,
        })
    }
}

impl Head {
    /// What a trusted proxy says it took off the path (`X-Forwarded-Prefix`): a path in its one form,
    /// without a final slash.
    pub fn believed_prefix(&self, headers: &HeaderMap) -> Option<String> {
        let mut lines = headers.get_all(X_FORWARDED_PREFIX).iter();
        let line = lines.next().filter(|_| self.peer.trusted)?;
        if lines.next().is_some() {
            return None;
        }
        let path = line.to_str().ok()?.trim_end_matches('/');
        let path = CanonicalPath::parse(path).ok()?;
        Some(path.as_str().to_owned())
    }
}

/// The fields that say what the message is and where it ends, looked for once.
#[derive(Default)]
struct Said<'a> {
    host: Field<'a>,
    length: Field<'a>,
    coding: Field<'a>,
    /// By another name each, for all that the upstream knows.
    method: Field<'a>,
}

/// A field that may come once.
#[derive(Default)]
struct Field<'a> {
    value: Option<&'a HeaderValue>,
    is_repeated: bool,
}

impl<'a> Field<'a> {
    fn set(&mut self, value: &'a HeaderValue) {
        self.is_repeated |= self.value.replace(value).is_some();
    }
}

impl<'a> Said<'a> {
    fn of(headers: &'a HeaderMap) -> Result<Self, HeadError> {
        let mut said = Self::default();
        for (name, value) in headers {
            match *name {
                header::HOST => said.host.set(value),
                header::CONTENT_LENGTH => said.length.set(value),
                header::TRANSFER_ENCODING => said.coding.set(value),
                header::CONNECTION => check_connection(value)?,
                _ if is_method_override(name) => said.method.set(value),
                _ => {}
            }
        }
        Ok(said)
    }
}

/// RFC 9110 §7.6.1: `Connection` is a list of names, and not of those that a message needs.
fn check_connection(list: &HeaderValue) -> Result<(), HeadError> {
    const NEEDED: [HeaderName; 3] = [
        header::CONTENT_LENGTH,
        header::HOST,
        header::TRANSFER_ENCODING,
    ];
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
    Ok(())
}

/// The method that a header names in the place of the request line's, where it names another.
/// Whether that may be is the route's to say.
fn overriding(sent: &Method, said: &Said<'_>) -> Result<Option<Method>, HeadError> {
    let Some(value) = said.method.value else {
        return Ok(None);
    };
    let overridden = |detail| refuse(Reason::MethodOverrideNotAllowed, detail);
    if said.method.is_repeated {
        return overridden("more than one header overrides the method");
    }
    let name = value.as_bytes().trim_ascii();
    let name = name
        .get(..LONGEST_METHOD)
        .unwrap_or(name)
        .to_ascii_uppercase();
    match Method::from_bytes(&name) {
        Ok(method) if method == *sent => Ok(None),
        // An answer to HEAD has no body, one to POST has: who forwards it must know which it is.
        Ok(Method::HEAD | Method::CONNECT | Method::TRACE) | Err(_) => {
            overridden("a header overrides the method by one that cannot be")
        }
        Ok(_) if *sent != Method::POST => {
            overridden("a header overrides the method of what is no POST")
        }
        Ok(method) => Ok(Some(method)),
    }
}

/// RFC 9112 §6: one way to tell where the message ends, or none at all.
fn check_framing(said: &Said<'_>, limits: &Limits) -> Result<(), HeadError> {
    let framing = |detail| refuse(Reason::BadFraming, detail);
    if said.length.is_repeated {
        return framing("Content-Length was sent more than once");
    }
    if let Some(coding) = said.coding.value {
        if said.coding.is_repeated || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return framing("Transfer-Encoding is not exactly `chunked`");
        }
        if said.length.value.is_some() {
            return framing("Content-Length beside Transfer-Encoding");
        }
    }
    let Some(length) = said.length.value else {
        return Ok(());
    };
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

/// RFC 9112 §3.2: HTTP/1.1 has exactly one Host, and it is a host. A target in absolute form names
/// the same one.
fn host(sent: &Sent<'_>, said: &Said<'_>) -> Result<Option<Host>, HeadError> {
    let named = sent.uri.authority();
    let host = match (sent.authority, said.host.value) {
        (Some(authority), _) => authority,
        (None, _) if said.host.is_repeated => {
            return refuse(Reason::BadHost, "Host was sent more than once");
        }
        (None, None) if sent.version == Version::HTTP_10 && named.is_none() => return Ok(None),
        (None, None) => return refuse(Reason::BadHost, "Host is missing"),
        (None, Some(host)) => host,
    };
    if let (None, Some(named)) = (sent.authority, named)
        && !named
            .as_str()
            .as_bytes()
            .eq_ignore_ascii_case(host.as_bytes())
    {
        let why = "Host is not the one that the request target names";
        return refuse(Reason::BadHost, why);
    }
    match Host::of(host) {
        Some(host) => Ok(Some(host)),
        None => refuse(Reason::BadHost, "Host is not a host"),
    }
}

fn path(sent: &Sent<'_>) -> Result<CanonicalPath, HeadError> {
    CanonicalPath::received(sent.uri.path(), sent.uri.query()).map_err(|why| HeadError {
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
