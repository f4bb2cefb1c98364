//! WebSockets (RFC 6455): the one thing that a connection may be switched to, and only beside no
//! token of ours, for what goes through is not seen.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::failure::Failure;
use crate::admission::Record;
use crate::edge::{CallerStream, Tunnel};
use crate::outbound::UpstreamSocket;
use crate::reason::Reason;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// Bytes that each direction may hold.
const HELD: usize = 16 * 1024;

/// Whether this request asks for a WebSocket that it may have.
pub(super) fn is_wanted(head: &Parts, record: &Record) -> bool {
    let admitted = record.admission();
    let may_be = admitted.is_some_and(|admission| {
        let route = admission.route();
        !route.egress.is_ours() && !route.upstream.definition().is_only_http2()
    });
    let headers = &head.headers;
    may_be
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
            let ended = run(&mut caller, &mut upstream, read, patience, &mut sent).await;
            if let Err(why) = ended {
                record.fail(why.reason, why.detail);
            }
            let status = http::StatusCode::SWITCHING_PROTOCOLS;
            record.answered(status.as_u16(), sent);
        })
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Caller,
    Upstream,
}

impl Side {
    fn broke(self, why: &io::Error) -> Failure {
        match self {
            Self::Caller => Failure::new(
                Reason::ClientClosed,
                format!("the caller's half of the tunnel broke: {why}"),
            ),
            Self::Upstream => Failure::new(
                Reason::UpstreamFailed,
                format!("the upstream's half of the tunnel broke: {why}"),
            ),
        }
    }

    /// Who does not take even the first words is not waited for for ever.
    async fn within<T>(
        self,
        patience: Duration,
        words: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Failure> {
        let late = match self {
            Self::Caller => Reason::ClientClosed,
            Self::Upstream => Reason::UpstreamTimeout,
        };
        match timeout(patience, words).await {
            Ok(taken) => taken.map_err(|why| self.broke(&why)),
            Err(_) => {
                let why = format!("the tunnel's first words were not taken within {patience:?}");
                Err(Failure::new(late, why))
            }
        }
    }
}

async fn run(
    caller: &mut CallerStream,
    upstream: &mut UpstreamSocket,
    read: Bytes,
    patience: Duration,
    sent: &mut u64,
) -> Result<(), Failure> {
    let ahead = Side::Caller.within(patience, caller.begin()).await?;
    Side::Upstream
        .within(patience, say(upstream, &ahead))
        .await?;
    Side::Caller.within(patience, say(caller, &read)).await?;
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
    let (caller, upstream) = (Side::Caller, Side::Upstream);
    // A WebSocket has no half that stays open when the other is closed.
    tokio::select! {
        ended = copy((from_caller, caller), (to_upstream, upstream), &last, &mut up) => ended,
        ended = copy((from_upstream, upstream), (to_caller, caller), &last, sent) => ended,
        () = silence => Ok(()),
    }
}

async fn say(to: &mut (impl AsyncWrite + Unpin), words: &[u8]) -> io::Result<()> {
    to.write_all(words).await?;
    to.flush().await
}

async fn copy<R: AsyncRead, W: AsyncWrite>(
    (mut from, source): (ReadHalf<R>, Side),
    (mut to, target): (WriteHalf<W>, Side),
    last: &Mutex<Instant>,
    bytes: &mut u64,
) -> Result<(), Failure> {
    let mut held = vec![0; HELD];
    loop {
        let read = from.read(&mut held).await;
        let read = read.map_err(|why| source.broke(&why))?;
        if read == 0 {
            // It has said all that it had to say, whether the other side still hears it or not.
            let _ = to.shutdown().await;
            return Ok(());
        }
        let said = say(&mut to, &held[..read]).await;
        said.map_err(|why| target.broke(&why))?;
        *bytes += read as u64;
        *last.lock() = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_take_the_first_words_is_not_waited_for() {
        let patience = Duration::from_millis(20);
        for (side, reason) in [
            (Side::Caller, Reason::ClientClosed),
            (Side::Upstream, Reason::UpstreamTimeout),
        ] {
            let (mut ours, theirs) = tokio::io::duplex(4);
            let why = side.within(patience, say(&mut ours, b"hello")).await;
            assert_eq!(why.unwrap_err().reason, reason);
            drop(theirs);
            let why = side.within(patience, say(&mut ours, b"hello")).await;
            assert!(why.unwrap_err().detail.contains("broke"));
            let (mut ours, _theirs) = tokio::io::duplex(5);
            let taken = side.within(patience, say(&mut ours, b"hello")).await;
            assert_eq!(taken, Ok(()));
        }
    }
}
