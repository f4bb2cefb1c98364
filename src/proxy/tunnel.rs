//! WebSockets (RFC 6455): the one thing that a connection may be switched to, and only beside no
//! token of ours, for what goes through is not seen.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use crate::admission::Record;
use crate::edge::{CallerStream, Tunnel};
use crate::outbound::UpstreamSocket;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// Bytes that each direction may hold.
const HELD: usize = 16 * 1024;

/// Whether this request asks for a WebSocket that it may have.
pub(super) fn is_wanted(head: &Parts, record: &Record) -> bool {
    let admitted = record.admission();
    let ours = admitted.is_none_or(|admission| admission.route().egress.is_ours());
    let headers = &head.headers;
    !ours
        && headers.contains_key(header::UPGRADE)
        && head.method == Method::GET
        && head.version == Version::HTTP_11
        && !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && is_agreed(headers)
}

/// Whether these fields, of a request or of its `101`, speak of a WebSocket and of nothing else.
pub(super) fn is_agreed(headers: &HeaderMap) -> bool {
    let mut protocols = headers.get_all(header::UPGRADE).iter();
    let one = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    let is_websocket = protocols.next().is_some_and(one) && protocols.next().is_none();
    let mut options = headers.get_all(header::CONNECTION).iter();
    let upgrades = |value: &HeaderValue| {
        let mut names = value.as_bytes().split(|byte| *byte == b',');
        names.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    };
    is_websocket && options.any(upgrades)
}

/// Asks the upstream for it in our own name: `Connection` and `Upgrade` are of one hop.
pub(super) fn ask(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, WEBSOCKET);
}

/// The `101` keeps what it switches by.
pub(super) fn keep_agreement(headers: &mut HeaderMap) {
    const FRAMING: [HeaderName; 2] = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    super::incoming::strip_hops(headers);
    for name in &FRAMING {
        headers.remove(name);
    }
    ask(headers);
}

/// Copies both ways until a side has ended, or neither has said anything for `patience`.
pub(super) fn between(
    (mut upstream, read): (UpstreamSocket, Bytes),
    patience: Duration,
    mut record: Box<Record>,
) -> Tunnel {
    Box::new(move |mut caller: CallerStream| {
        Box::pin(async move {
            let mut sent = 0;
            // Whatever ends it, both ends are closed with it.
            let _ = run(&mut caller, &mut upstream, read, patience, &mut sent).await;
            let status = http::StatusCode::SWITCHING_PROTOCOLS;
            record.answered(status.as_u16(), sent);
        })
    })
}

async fn run(
    caller: &mut CallerStream,
    upstream: &mut UpstreamSocket,
    read: Bytes,
    patience: Duration,
    sent: &mut u64,
) -> io::Result<()> {
    let beginning = async {
        let ahead = caller.begin().await?;
        upstream.write_all(&ahead).await?;
        upstream.flush().await?;
        caller.write_all(&read).await?;
        caller.flush().await
    };
    // Who does not take even the first words is not waited for either.
    timeout(patience, beginning).await??;
    *sent = read.len() as u64;
    let last = Mutex::new(Instant::now());
    let (from_caller, to_caller) = tokio::io::split(caller);
    let (from_upstream, to_upstream) = tokio::io::split(upstream);
    let mut up = 0;
    let silence = async {
        loop {
            let until = *last.lock() + patience;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    };
    // A WebSocket has no half that stays open when the other is closed.
    tokio::select! {
        ended = copy(from_caller, to_upstream, &last, &mut up) => ended,
        ended = copy(from_upstream, to_caller, &last, sent) => ended,
        () = silence => Ok(()),
    }
}

async fn copy<R: AsyncRead, W: AsyncWrite>(
    mut from: ReadHalf<R>,
    mut to: WriteHalf<W>,
    last: &Mutex<Instant>,
    bytes: &mut u64,
) -> io::Result<()> {
    let mut held = vec![0; HELD];
    loop {
        let read = from.read(&mut held).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&held[..read]).await?;
        to.flush().await?;
        *bytes += read as u64;
        *last.lock() = Instant::now();
    }
}
