//! How an answer of gRPC ended that broke off: its callers read that from trailers, and would take a
//! stream's reset for a failure of their own.

use http::{HeaderMap, HeaderValue};

use crate::reason::Reason;

const DEADLINE_EXCEEDED: u16 = 4;
const UNAVAILABLE: u16 = 14;
const UNAUTHENTICATED: u16 = 16;

pub(super) fn trailers(reason: Reason) -> HeaderMap {
    let status = match reason.status() {
        504 | 408 => DEADLINE_EXCEEDED,
        401 => UNAUTHENTICATED,
        _ => UNAVAILABLE,
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(status));
    // What a sentence is made of needs no escape (gRPC over HTTP/2, Percent-Encoded).
    let message = format!("{}: {}", reason.word(), reason.sentence());
    if let Ok(message) = HeaderValue::try_from(message) {
        trailers.insert("grpc-message", message);
    }
    trailers
}
