//! How Pingora writes an answer of our own: a small unread body is taken in first, so that the caller
//! sees the answer and not a reset.

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use crate::edge;

/// How much of an unread body is taken in before an early answer.
const DRAINED: usize = 64 * 1024;

/// Answers a request that was never forwarded.
pub(super) async fn early(session: &mut Session, answer: Response<Bytes>) -> pingora::Result<()> {
    drain(session).await;
    if !session.is_body_done() {
        edge::body_unread(session);
    }
    let (head, body) = answer.into_parts();
    let bodiless = session.req_header().method == Method::HEAD;
    session
        .write_response_header(Box::new(ResponseHeader::from(head)), bodiless)
        .await?;
    if !bodiless {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}

/// Answers a request that failed on its way; the connection ends with it.
pub(super) async fn late(session: &mut Session, answer: Response<Bytes>) {
    let (head, mut body) = answer.into_parts();
    if session.req_header().method == Method::HEAD {
        body.clear();
    }
    if !session.is_body_done() {
        edge::body_unread(session);
    }
    let downstream = session.as_downstream_mut();
    // A caller who is gone needs no answer.
    let _ = downstream.write_error_response(head.into(), body).await;
    // Pingora would drop the connection, and bytes that nobody has read would reset it.
    session.as_downstream_mut().shutdown().await;
}

/// What the caller was answered so far: an interim answer is none (RFC 9110 §15.2).
pub(super) fn status(session: &Session) -> Option<StatusCode> {
    let status = session.response_written()?.status;
    let last = !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS;
    last.then_some(status)
}

/// Takes in a small body. One that is larger, or announced by `Expect`, is left: Pingora then
/// closes the connection after the answer.
async fn drain(session: &mut Session) {
    let headers = &session.req_header().headers;
    let waits = headers.contains_key(header::EXPECT);
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if waits || declared.is_some_and(|length| length > DRAINED) {
        return;
    }
    let take_in = async {
        let mut taken = 0;
        while taken <= DRAINED {
            match session.as_downstream_mut().read_request_body().await {
                Ok(Some(chunk)) => taken += chunk.len(),
                Ok(None) | Err(_) => return,
            }
        }
    };
    // Whoever sends slower than this is answered all the same.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), take_in).await;
}
