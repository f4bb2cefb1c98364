//! Interim answers (RFC 9110 §15.2) on their way back: `100` lets the request's body go on, the
//! others are the caller's, where it speaks HTTP/1.1.

use bytes::{BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Version, header};

use super::incoming::{strip_hops, strip_ours};
use crate::edge::Conversation;
use crate::outbound::RequestBody;
use crate::request::header_names::X_REQUEST_ID;
use crate::routing::Route;

/// Fields of an interim answer that are read.
const MOST_FIELDS: usize = 100;

pub(super) fn pass_on(
    heads: &[Bytes],
    version: Version,
    route: &Route,
    body: &RequestBody,
    conversation: &Conversation,
) {
    for head in heads {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        if parsed.parse(head).is_err() {
            continue;
        }
        match parsed.code {
            Some(100) => {
                // The caller's own codec says so when its body is asked for.
                body.release();
            }
            Some(code) if version == Version::HTTP_11 => {
                let reason = parsed.reason.unwrap_or_default();
                conversation.interim(&rendered(code, reason, parsed.headers, route));
            }
            _ => {}
        }
    }
}

fn rendered(code: u16, reason: &str, fields: &[httparse::Header<'_>], route: &Route) -> Vec<u8> {
    let fields = fields.iter().filter_map(|field| {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(field.value).ok()?))
    });
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    strip_hops(&mut headers);
    strip_ours(&mut headers, route);
    // RFC 9110 §8.6: an interim answer announces no body. The id is the final answer's.
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove(X_REQUEST_ID);
    let mut bytes = format!("HTTP/1.1 {code} {reason}\r\n").into_bytes();
    for (name, value) in &headers {
        bytes.put(name.as_str().as_bytes());
        bytes.put(&b": "[..]);
        bytes.put(value.as_bytes());
        bytes.put(&b"\r\n"[..]);
    }
    bytes.put(&b"\r\n"[..]);
    bytes
}
