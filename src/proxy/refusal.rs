//! An upstream refuses our token: what becomes of the request? It is sent again with another token where it
//! can be; else its caller is told that it may do so, or what the upstream said.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, Version, header, response};
use http_body::Body;

use super::attempts::Answered;
use super::failure::Failure;
use super::said::{GRPC_STATUS, fields, words};
use crate::admission::{Admission, Record};
use crate::clock::UnixTime;
use crate::entra::ClaimsChallenge;
use crate::outbound::{AccessToken, Carried, Replacement, RequestBody, Visit};
use crate::reason::Reason;

/// Bytes of the answer that are read.
const MOST: usize = 8 * 1024;
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// When a request may be sent again whose token was replaced.
const AT_ONCE: Duration = Duration::from_secs(1);

/// gRPC's words for 401 and 403 (gRPC, Status codes and their use).
const UNAUTHENTICATED: &[u8] = b"16";
const PERMISSION_DENIED: &[u8] = b"7";

/// Whether it refuses the token that the request carried.
pub(super) fn is_one(head: &response::Parts) -> bool {
    says(head, StatusCode::UNAUTHORIZED, UNAUTHENTICATED)
}

fn says(head: &response::Parts, status: StatusCode, in_grpc: &[u8]) -> bool {
    let grpc = || head.headers.get(GRPC_STATUS);
    head.status == status
        || head.version == Version::HTTP_2 && grpc().is_some_and(|it| it.as_bytes() == in_grpc)
}

/// What the line of a request should say that went on, and whose token may not do what it asked for.
pub(super) fn remark(answered: &Answered, record: &Record) -> Option<String> {
    let Carried::App(sent) = record.admission()?.token() else {
        return None;
    };
    if !says(&answered.head, StatusCode::FORBIDDEN, PERMISSION_DENIED) {
        return None;
    }
    let grants = &answered.token.as_ref().unwrap_or(sent).grants;
    let told = words(&answered.head, &[]);
    Some(format!("{told}; our token has {grants}"))
}

/// The request to be sent again, and the token that it carries now; else why it has no answer. `again`: the
/// request as it was sent, where that is still there.
pub(super) async fn replaced(
    mut answered: Answered,
    again: impl FnOnce() -> Option<Request<RequestBody>>,
    (admission, visit): (&Admission, &Visit),
) -> Result<(Request<RequestBody>, Arc<AccessToken>), Failure> {
    let heard = (
        answered.head.status.as_u16(),
        answered.carrier.answered_after(),
    );
    // RFC 9110 §15.5.2: a request that is answered with 401 "has not been applied", whatever its method, and
    // may be repeated with other credentials. gRPC's status promises nothing of the sort.
    let is_unapplied = answered.head.status == StatusCode::UNAUTHORIZED;
    let mut body = Vec::new();
    // What came in time is told.
    let _ = tokio::time::timeout(PATIENCE, read(&mut answered, &mut body)).await;
    let Answered {
        head,
        carrier,
        token: replaced,
        ..
    } = answered;
    // With it goes what is left of the request: nobody sends on what is sent again.
    match carrier.is_free() {
        true => visit.endpoint().keep(carrier),
        false => drop(carrier),
    }
    let said = words(&head, &body);
    let failure = |reason: Reason, why: &str, retry_after| Failure {
        retry_after,
        heard: Some(heard),
        ..Failure::new(reason, format!("{said}{why}"))
    };
    let refused = |why: &str| failure(Reason::UpstreamRefusedToken, why, None);
    if replaced.is_some() {
        return Err(refused("; so it did to the token before"));
    }
    let egress = &admission.route().egress;
    let challenge = ClaimsChallenge::of(fields(&head.headers));
    let now = UnixTime::now();
    let replacement = egress
        .replacement(
            admission.token(),
            admission.permit(),
            challenge.as_ref(),
            now,
        )
        .await;
    let again = is_unapplied.then(again).flatten();
    match (replacement, again) {
        (Replacement::Fresh(token), Some(mut request)) => {
            let field = token.header.clone();
            request.headers_mut().insert(header::AUTHORIZATION, field);
            Ok((request, token))
        }
        (Replacement::Fresh(_), None) => {
            let why = match is_unapplied {
                true => {
                    "; the token was replaced, and too much of the body is gone to send it again"
                }
                false => "; the token was replaced, and nothing says that the call was not made",
            };
            Err(failure(Reason::TokenReplaced, why, Some(AT_ONCE)))
        }
        (Replacement::TooSoon, _) => Err(refused("; the token was replaced a short while ago")),
        (Replacement::Same, _) => Err(refused("; asked for another, the same token came")),
        (Replacement::Failed(why), _) => {
            let wait = Some(why.retry_after());
            let told = format!("; no other token came: {why}");
            Err(Failure {
                claims: why.claims().map(Arc::from),
                ..failure(why.reason(), &told, wait)
            })
        }
    }
}

async fn read(answered: &mut Answered, bytes: &mut Vec<u8>) {
    while bytes.len() < MOST {
        let frame = poll_fn(|cx| {
            answered.carrier.drive(cx);
            Pin::new(&mut answered.incoming).poll_frame(cx)
        });
        let Some(Ok(frame)) = frame.await else { return };
        let data = frame.into_data().unwrap_or_default();
        bytes.extend_from_slice(&data[..data.len().min(MOST - bytes.len())]);
    }
}
