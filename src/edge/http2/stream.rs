//! One stream: its head is read as one of HTTP/1.1 is, the application answers it, and the answer is sent
//! no faster than its peer takes it, nor slower than it may.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::Full;

use super::StreamBody;
use super::head::Head;
use crate::edge::application::{Application, Misread};
use crate::edge::arriving::Arriving;
use crate::edge::conversation::Conversation;
use crate::edge::deadline::Deadline;
use crate::edge::pace::Pace;
use crate::edge::settings::Settings;
use crate::edge::{Edge, connection};
use crate::http2::{self, Fault};

/// Of a connection, which HTTP/2 says otherwise (RFC 9113 §8.2.2).
const OF_CONNECTION: [HeaderName; 5] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// `has_fragment`: the path had a `#`, from which on the codec has dropped it.
pub(super) async fn serve<A: Application>(
    edge: Arc<Edge<A>>,
    settings: Arc<Settings>,
    (request, has_fragment): (Request<RecvStream>, bool),
    mut respond: SendResponse<Bytes>,
    out: Arc<Head>,
    peer: SocketAddr,
) {
    let (mut head, stream) = request.into_parts();
    let conversation = Arc::new(Conversation::new(peer, 0));
    if settings.tls.is_some() {
        conversation.encrypted();
    }
    edge.metrics.asked(Version::HTTP_2);
    let patience = settings.timeouts.body;
    let has_body = !stream.is_end_stream();
    let shape = match has_fragment {
        true => Err(Fault::Path),
        false => http2::reshape(&mut head, settings.limits.header, has_body),
    };
    if let Err(fault) = shape {
        let why = Misread::Http2(fault);
        edge.metrics.refused(connection::cause(why));
        conversation.tells(head.method.as_str(), head.uri.path());
        let answer = edge.app.refuse(&conversation, why);
        let _ = send(respond, answer.map(Full::new), &out, patience).await;
        return;
    }
    let is_wanted = Arc::new(AtomicBool::new(false));
    let mut waits = has_body && expects(&head);
    let body = match has_body {
        true => {
            let pace = Pace::new(patience, settings.limits.body_rate);
            let length = length(&head.headers);
            let body = StreamBody::new(stream, length, pace, Arc::clone(&is_wanted));
            Arriving::Http2(Box::new(body))
        }
        false => Arriving::Nothing,
    };
    let answered = {
        let app = Arc::clone(&edge.app);
        let mut answering = pin!(app.respond(Request::from_parts(head, body), conversation));
        std::future::poll_fn(|cx| {
            // Who has left is not served any further.
            if respond.poll_reset(cx).is_ready() {
                return Poll::Ready(None);
            }
            let answered = answering.as_mut().poll(cx);
            if waits && is_wanted.load(Ordering::Relaxed) {
                waits = false;
                if answered.is_pending() {
                    go_on(&mut respond, &out);
                }
            }
            answered.map(Some)
        })
        .await
    };
    match answered {
        None => {}
        Some(Err(_)) => respond.send_reset(Reason::CANCEL),
        Some(Ok(answer)) => {
            let _ = send(respond, answer, &out, patience).await;
        }
    }
}

/// `100`, for who waits for it (RFC 9110 §10.1.1). Whom it does not reach sends its body all the same.
fn go_on(respond: &mut SendResponse<Bytes>, out: &Head) {
    let mut interim = Response::new(());
    *interim.status_mut() = StatusCode::CONTINUE;
    out.comes_later();
    let _ = respond.send_informational(interim);
}

fn expects(head: &Parts) -> bool {
    let expects = head.headers.get(header::EXPECT);
    expects.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// What the codec holds the body to.
fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The peer is gone, or is not waited for.
struct Gone;

impl From<h2::Error> for Gone {
    fn from(_: h2::Error) -> Self {
        Self
    }
}

/// Sends an answer. What breaks off is a reset, so that nobody takes what was sent for the whole.
async fn send<B>(
    mut respond: SendResponse<Bytes>,
    answer: Response<B>,
    out: &Head,
    patience: Duration,
) -> Result<(), Gone>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (mut head, mut body) = answer.into_parts();
    for name in &OF_CONNECTION {
        head.headers.remove(name);
    }
    let head = Response::from_parts(head, ());
    if body.is_end_stream() {
        respond.send_response(head, true)?;
        return Ok(());
    }
    let mut stream = respond.send_response(head, false)?;
    loop {
        let next = std::future::poll_fn(|cx| {
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(None);
            }
            Pin::new(&mut body).poll_frame(cx).map(Some)
        });
        let frame = match next.await.ok_or(Gone)? {
            None => {
                stream.send_data(Bytes::new(), true)?;
                return Ok(());
            }
            Some(frame) => frame.ok(),
        };
        let Some(frame) = frame else {
            // Without a head, it would look like a request that nobody has answered.
            out.is_out(patience).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
            return Err(Gone);
        };
        match frame.into_data() {
            Ok(data) => {
                let is_last = body.is_end_stream();
                push(&mut stream, data, is_last, patience).await?;
                if is_last {
                    return Ok(());
                }
            }
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                stream.send_trailers(trailers)?;
                return Ok(());
            }
        }
    }
}

/// Sends some of a body, as the peer makes room for it.
async fn push(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    is_last: bool,
    patience: Duration,
) -> Result<(), Gone> {
    if data.is_empty() && is_last {
        stream.send_data(data, true)?;
        return Ok(());
    }
    let mut stall = Deadline::after(patience);
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = match stream.capacity() {
            0 => {
                let room = std::future::poll_fn(|cx| match stream.poll_capacity(cx) {
                    Poll::Pending => stall.poll(cx).map(|()| None),
                    room => room,
                });
                match room.await {
                    Some(room) => room?,
                    None => {
                        // SECURITY: a window that stays shut would keep all that the request holds.
                        stream.send_reset(Reason::CANCEL);
                        return Err(Gone);
                    }
                }
            }
            room => room,
        };
        stall.move_to(patience);
        let piece = data.split_to(room.min(data.len()));
        stream.send_data(piece, is_last && data.is_empty())?;
    }
    Ok(())
}
