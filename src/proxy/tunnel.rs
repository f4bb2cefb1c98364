//! WebSockets (RFC 6455): the one thing that a connection may be switched to, and only beside no
//! token of ours, for what goes through is not seen.

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::bound::{token_has_ended, token_holds};
use super::failure::Failure;
use super::websocket::{Frames, GOING_AWAY, POLICY, close};
use crate::admission::{Record, Shared};
use crate::edge::{CallerStream, Tunnel};
use crate::outbound::{UpstreamSocket, Visit};
use crate::reason::Reason;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
/// Between two looks whether the process ends.
const LOOK: Duration = Duration::from_secs(1);
/// How long the frames at hand may take before the tunnel ends without a goodbye.
const GOODBYE: Duration = Duration::from_secs(1);
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

/// When a tunnel ends by our own will.
pub(super) struct Ending {
    /// The caller's token holds for so long.
    token: Option<Duration>,
    /// Looked at for the process's end.
    shared: Arc<Shared>,
}

impl Ending {
    pub(super) fn of(record: &Record, shared: &Arc<Shared>) -> Self {
        Self {
            token: token_holds(record),
            shared: Arc::clone(shared),
        }
    }

    /// Waits for it. Gives the code that says why.
    async fn comes(&self) -> u16 {
        let token = async {
            match self.token {
                Some(span) => sleep(span).await,
                None => pending().await,
            }
        };
        let drains = async {
            while !self.shared.draining.load(Ordering::Acquire) {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            () = token => POLICY,
            () = drains => GOING_AWAY,
        }
    }
}

/// Copies both ways until a side has ended, neither has said anything for `patience`, or we end it.
pub(super) fn between(
    (mut upstream, read): (UpstreamSocket, Bytes),
    patience: Duration,
    ending: Ending,
    (visit, mut record): (Visit, Box<Record>),
) -> Tunnel {
    Box::new(move |mut caller: CallerStream| {
        Box::pin(async move {
            let mut sent = 0;
            let ends = (patience, &ending);
            // Whatever ends it, both ends are closed with it.
            let ended = run(&mut caller, &mut upstream, read, ends, &mut sent).await;
            if let Err(why) = ended {
                record.fail(why.reason, why.detail);
            }
            let status = http::StatusCode::SWITCHING_PROTOCOLS;
            record.answered(status.as_u16(), sent);
            drop(visit);
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
    (patience, ending): (Duration, &Ending),
    sent: &mut u64,
) -> Result<(), Failure> {
    let ahead = Side::Caller.within(patience, caller.begin()).await?;
    Side::Upstream
        .within(patience, say(upstream, &ahead))
        .await?;
    Side::Caller.within(patience, say(caller, &read)).await?;
    *sent = read.len() as u64;
    let last = Mutex::new(Instant::now());
    let (tell, told) = watch::channel(0);
    let (from_caller, to_caller) = tokio::io::split(caller);
    let (from_upstream, to_upstream) = tokio::io::split(upstream);
    let (mut up, mut down) = (Way::behind(&ahead, &told), Way::behind(&read, &told));
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
    let ended = {
        let mut upwards = pin!(up.copy((from_caller, caller), (to_upstream, upstream), &last));
        let mut downwards = pin!(down.copy((from_upstream, upstream), (to_caller, caller), &last));
        // A WebSocket has no half that stays open when the other is closed.
        tokio::select! {
            ended = &mut upwards => ended,
            ended = &mut downwards => ended,
            () = silence => Ok(()),
            code = ending.comes() => {
                let _ = tell.send(code);
                // Each way says goodbye behind the frame at hand, if that ends soon.
                let both = async { tokio::join!(&mut upwards, &mut downwards) };
                let _ = timeout(GOODBYE, both).await;
                match code {
                    POLICY => Err(token_has_ended()),
                    _ => Ok(()),
                }
            }
        }
    };
    *sent += down.bytes;
    ended
}

async fn say(to: &mut (impl AsyncWrite + Unpin), words: &[u8]) -> io::Result<()> {
    to.write_all(words).await?;
    to.flush().await
}

/// One direction of a tunnel.
struct Way {
    frames: Frames,
    bytes: u64,
    /// The code of our goodbye, once it is to be said.
    told: watch::Receiver<u16>,
}

impl Way {
    /// Behind what was sent already.
    fn behind(first: &[u8], told: &watch::Receiver<u16>) -> Self {
        let mut frames = Frames::default();
        frames.follow(first);
        Self {
            frames,
            bytes: 0,
            told: told.clone(),
        }
    }

    async fn copy<R: AsyncRead, W: AsyncWrite>(
        &mut self,
        (mut from, source): (ReadHalf<R>, Side),
        (mut to, target): (WriteHalf<W>, Side),
        last: &Mutex<Instant>,
    ) -> Result<(), Failure> {
        let mut held = vec![0; HELD];
        loop {
            let code = *self.told.borrow();
            if code != 0 && self.frames.is_between() {
                // As a client speaks to an upstream, as a server to a caller.
                let goodbye = close(code, target == Side::Upstream);
                let _ = say(&mut to, &goodbye).await;
                return Ok(());
            }
            let read = tokio::select! {
                read = from.read(&mut held) => read.map_err(|why| source.broke(&why))?,
                Ok(()) = self.told.changed(), if code == 0 => continue,
            };
            if read == 0 {
                // It has said all that it had to say, whether the other side still hears it or not.
                let _ = to.shutdown().await;
                return Ok(());
            }
            let bytes = match code {
                0 => {
                    self.frames.follow(&held[..read]);
                    read
                }
                _ => self.frames.end_of_frame(&held[..read]).unwrap_or(read),
            };
            let said = say(&mut to, &held[..bytes]).await;
            said.map_err(|why| target.broke(&why))?;
            self.bytes += bytes as u64;
            *last.lock() = Instant::now();
        }
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
