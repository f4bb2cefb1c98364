//! A denial in gRPC's words: its callers take HTTP's status for a broken connection, and read their own
//! from a field ("Trailers-Only", gRPC over HTTP/2).

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};

use super::Denial;
use crate::reason::Reason;
use crate::request::RequestId;
use crate::request::header_names::X_REQUEST_ID;
pub(super) use crate::request::is_grpc as is_spoken;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

pub(super) fn answer(denial: &Denial, request_id: &RequestId) -> Response<Bytes> {
    let reason = denial.reason();
    let mut answer = Response::new(Bytes::new());
    let fields = answer.headers_mut();
    fields.insert(header::CONTENT_TYPE, GRPC);
    fields.insert(STATUS, HeaderValue::from(status(reason)));
    // What a sentence is made of needs no escape (gRPC over HTTP/2, Percent-Encoded).
    let message = format!("{}: {}", reason.word(), reason.sentence());
    if let Ok(message) = HeaderValue::try_from(message) {
        fields.insert(MESSAGE, message);
    }
    fields.insert(X_REQUEST_ID, request_id.header().clone());
    for (name, value) in denial.fields() {
        if let Ok(value) = HeaderValue::try_from(value) {
            fields.append(name, value);
        }
    }
    answer
}

/// gRPC's status for ours (gRPC, Status codes and their use).
fn status(reason: Reason) -> u16 {
    const INVALID_ARGUMENT: u16 = 3;
    const DEADLINE_EXCEEDED: u16 = 4;
    const PERMISSION_DENIED: u16 = 7;
    const RESOURCE_EXHAUSTED: u16 = 8;
    const UNIMPLEMENTED: u16 = 12;
    const INTERNAL: u16 = 13;
    const UNAVAILABLE: u16 = 14;
    const UNAUTHENTICATED: u16 = 16;
    match reason.status() {
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 | 405 => UNIMPLEMENTED,
        408 | 504 => DEADLINE_EXCEEDED,
        413 | 414 | 429 | 431 => RESOURCE_EXHAUSTED,
        502 | 503 => UNAVAILABLE,
        500 => INTERNAL,
        _ => INVALID_ARGUMENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_status_and_a_message_that_is_plain() {
        for reason in Reason::ALL {
            assert_ne!(status(*reason), 0);
            let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'%';
            assert!(reason.sentence().bytes().all(plain), "{reason}");
        }
    }
}
