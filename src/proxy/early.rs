//! Answers of our own, before a request's body has come or after it broke: a small unread body is
//! taken in first, so that the caller sees the answer and not a reset.

use std::pin::Pin;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderValue, Method, Response, Version, header};
use http_body::Body;
use http_body_util::BodyExt;

use super::relay::Asked;
use super::{AnswerBody, Gateway};
use crate::admission::Record;
use crate::edge::{Abandoned, Arriving, Conversation};
use crate::reason::Reason;

/// How much of an unread body is taken in before an early answer, in bytes.
const DRAINED: u64 = 64 * 1024;
/// Whoever sends slower than this is answered all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers a request that is not forwarded.
pub(super) async fn answer(
    gateway: &Gateway,
    record: Box<Record>,
    head: &Parts,
    body: Arriving,
    conversation: &Conversation,
) -> Result<Response<AnswerBody>, Abandoned> {
    let read = drain(head, body).await;
    let asked = Asked {
        method: head.method.clone(),
        version: head.version,
        tunnel: false,
        base: None,
    };
    say(gateway, record, &asked, read, conversation)
}

/// Answers a request that failed on its way. `read`: its body has come to its end; else the
/// connection ends with the answer.
pub(super) fn say(
    gateway: &Gateway,
    mut record: Box<Record>,
    asked: &Asked,
    read: bool,
    conversation: &Conversation,
) -> Result<Response<AnswerBody>, Abandoned> {
    if record.reason() == Some(Reason::ClientClosed) {
        return Err(Abandoned);
    }
    let Some(mut answer) = record.answer() else {
        return Err(Abandoned);
    };
    if !read {
        conversation.body_unread();
    }
    if !read || gateway.is_draining() || asked.version == Version::HTTP_10 {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(header::CONNECTION, close);
    }
    if asked.method == Method::HEAD {
        answer.body_mut().clear();
    }
    // A caller of gRPC is sent 200 whatever happened; what is told is what it is in HTTP.
    let sent = answer.status().as_u16();
    let status = record.reason().map_or(sent, Reason::status);
    record.answered(status, answer.body().len() as u64);
    Ok(answer.map(|bytes| AnswerBody::ours(bytes, record)))
}

/// Takes in a small body. One that is larger, or announced by `Expect`, is left. True where all of
/// it was read.
async fn drain(head: &Parts, mut body: Arriving) -> bool {
    if body.is_end_stream() {
        return true;
    }
    let waits = head.headers.contains_key(header::EXPECT) && head.version == Version::HTTP_11;
    if waits || body.size_hint().lower() > DRAINED {
        return false;
    }
    let take_in = async {
        let mut taken = 0;
        while taken <= DRAINED {
            match body.frame().await {
                Some(Ok(frame)) => taken += frame.data_ref().map_or(0, |it| it.len() as u64),
                Some(Err(_)) => return false,
                None => return true,
            }
        }
        false
    };
    tokio::time::timeout(PATIENCE, Box::pin(take_in) as Pin<Box<_>>)
        .await
        .unwrap_or(false)
}
