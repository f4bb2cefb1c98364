//! From a parsed request head to what `admit` needs, or a refusal: limits, framing, host, path.
//! What Pingora's parser lets through and an upstream could read differently ends here.

use std::borrow::Cow;

use http::{HeaderMap, Version, header};
use pingora::http::RequestHeader;

use crate::admission::Refusal;
use crate::edge::Limits;
use crate::reason::Reason;
use crate::request::{CanonicalPath, normalised_host};

/// Reads the path and the host of a request whose head is in order.
///
/// # Errors
/// The first thing that is too large, ambiguous or malformed.
pub(super) fn read<'a>(
    head: &'a RequestHeader,
    head_bytes: usize,
    limits: &Limits,
) -> Result<(CanonicalPath, Option<Cow<'a, str>>), Refusal> {
    if head.raw_path().len() > limits.uri {
        return Err(refuse(
            Reason::UriTooLong,
            "the request target is longer than limits.uri",
        ));
    }
    if head_bytes > limits.header {
        return Err(refuse(
            Reason::HeaderTooLarge,
            "the request head is larger than limits.header",
        ));
    }
    check_framing(&head.headers, limits)?;
    let host = host(head)?;
    let path = std::str::from_utf8(head.raw_path())
        .map_err(|_| refuse(Reason::BadPath, "the request target is not UTF-8"))?;
    let path = if path.starts_with('/') {
        split_query(path).0
    } else {
        head.uri.path()
    };
    match CanonicalPath::parse(path) {
        Ok(path) => Ok((path, host)),
        Err(why) => Err(refuse(Reason::BadPath, &why.to_string())),
    }
}

/// The query, untouched.
pub(super) fn query(head: &RequestHeader) -> Option<&str> {
    match std::str::from_utf8(head.raw_path()) {
        Ok(target) if target.starts_with('/') => split_query(target).1,
        _ => head.uri.query(),
    }
}

fn split_query(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// RFC 9112 §6: one way to tell where the message ends, or none at all.
fn check_framing(headers: &HeaderMap, limits: &Limits) -> Result<(), Refusal> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(refuse(
            Reason::BadFraming,
            "Content-Length was sent more than once",
        ));
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(refuse(
                Reason::BadFraming,
                "Transfer-Encoding is not exactly `chunked`",
            ));
        }
        if length.is_some() {
            return Err(refuse(
                Reason::BadFraming,
                "Content-Length beside Transfer-Encoding",
            ));
        }
    }
    let Some(length) = length else { return Ok(()) };
    let digits = length.as_bytes();
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(refuse(
            Reason::BadFraming,
            "Content-Length is not one number",
        ));
    }
    let bytes = digits.iter().fold(0_u64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    if bytes > limits.body {
        return Err(refuse(
            Reason::BodyTooLarge,
            "Content-Length is larger than limits.body",
        ));
    }
    Ok(())
}

/// RFC 9112 §3.2: HTTP/1.1 has exactly one Host, and it is a host.
fn host(head: &RequestHeader) -> Result<Option<Cow<'_, str>>, Refusal> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(refuse(Reason::BadHost, "Host was sent more than once")),
        (None, None) if head.version == Version::HTTP_10 => Ok(None),
        (None, None) => Err(refuse(Reason::BadHost, "Host is missing")),
        (Some(host), None) => match host.to_str().ok().and_then(normalised_host) {
            Some(host) => Ok(Some(host)),
            None => Err(refuse(Reason::BadHost, "Host is not a host")),
        },
    }
}

fn refuse(reason: Reason, detail: &str) -> Refusal {
    Refusal::Malformed {
        reason,
        detail: detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, fields: &[(&str, &str)]) -> RequestHeader {
        let mut head = RequestHeader::build("GET", target.as_bytes(), None).unwrap();
        for (name, value) in fields {
            head.append_header((*name).to_owned(), *value).unwrap();
        }
        head
    }

    fn reason(head: &RequestHeader) -> Option<&'static str> {
        match read(head, 100, &Limits::default()) {
            Ok(_) => None,
            Err(Refusal::Malformed { reason, .. }) => Some(reason.word()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn ambiguous_messages_are_refused() {
        let host = ("Host", "api.example");
        #[allow(clippy::type_complexity, reason = "a table reads best with its type")]
        let table: &[(&[(&str, &str)], Option<&str>)] = &[
            (&[host], None),
            (&[host, ("Content-Length", "5")], None),
            (&[host, ("Transfer-Encoding", "chunked")], None),
            (&[host, ("Content-Length", "5, 5")], Some("bad_framing")),
            (&[host, ("Content-Length", "+5")], Some("bad_framing")),
            (&[host, ("Content-Length", "")], Some("bad_framing")),
            (
                &[host, ("Content-Length", "99999999999999999999")],
                Some("bad_framing"),
            ),
            (
                &[host, ("Content-Length", "9999999999999999999")],
                Some("body_too_large"),
            ),
            (
                &[host, ("Content-Length", "5"), ("Content-Length", "5")],
                Some("bad_framing"),
            ),
            (
                &[host, ("Transfer-Encoding", "gzip, chunked")],
                Some("bad_framing"),
            ),
            (
                &[
                    host,
                    ("Transfer-Encoding", "chunked"),
                    ("Transfer-Encoding", "chunked"),
                ],
                Some("bad_framing"),
            ),
            (
                &[
                    host,
                    ("Transfer-Encoding", "chunked"),
                    ("Content-Length", "5"),
                ],
                Some("bad_framing"),
            ),
            (&[], Some("bad_host")),
            (&[("Host", "")], Some("bad_host")),
            (&[("Host", "a b")], Some("bad_host")),
            (&[("Host", "user@api.example")], Some("bad_host")),
            (&[host, host], Some("bad_host")),
        ];
        for (fields, expected) in table {
            assert_eq!(reason(&head("/x", fields)), *expected, "{fields:?}");
        }
    }

    #[test]
    fn the_target_is_bounded_and_its_query_untouched() {
        let long = format!("/{}", "a".repeat(9000));
        assert_eq!(reason(&head(&long, &[("Host", "a")])), Some("uri_too_long"));
        assert_eq!(query(&head("/x?a=%2f&b=..", &[])), Some("a=%2f&b=.."));
        assert_eq!(query(&head("http://a/x?y", &[])), Some("y"));
        assert_eq!(query(&head("/x", &[])), None);
    }
}
