//! What does a plain connection speak? HTTP/2 by prior knowledge begins with its preface, which begins no
//! request of HTTP/1.1 (RFC 9113 §3.4): a few bytes tell, under the deadlines of a head.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::watch;
use tokio::time::Instant;

use super::accept::stopped;
use super::conversation::{Conversation, Stage};
use super::deadline::Deadline;
use super::socket::CallerSocket;
use super::{Protocol, Timeouts};
use crate::http2::PREFACE;

/// So much of the preface that no method of HTTP/1.1 begins like that: a method `PRI` there is none.
const TELLING: usize = 4;

pub(super) enum Begun {
    Speaks(Protocol, BytesMut),
    /// It was gone, idle for too long, or is not needed any more.
    Nothing,
    Evicted,
    /// It began, and did not go on.
    Late,
}

/// Reads until it is told. `clock`: the listener's.
pub(super) async fn first_bytes(
    socket: &mut CallerSocket,
    conversation: &Conversation,
    timeouts: Timeouts,
    clock: impl Fn(Instant) -> u64,
    mut stop: watch::Receiver<bool>,
) -> Begun {
    let mut read = BytesMut::new();
    let mut deadline = Deadline::after(timeouts.idle);
    let mut stopped = pin!(stopped(&mut stop));
    poll_fn(|cx| {
        let mut scratch = [0; 512];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *socket).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Begun::Nothing),
                Poll::Pending => break,
            }
            if read.is_empty() {
                deadline.move_to(timeouts.header);
                let now = clock(deadline.moved(timeouts.header));
                conversation.since(Stage::Head, now);
            }
            read.extend_from_slice(buf.filled());
            if let Some(protocol) = told(&read) {
                if protocol == Protocol::Http1 {
                    // Its own guard times the head.
                    conversation.set(Stage::Idle);
                }
                let read = std::mem::take(&mut read);
                return Poll::Ready(Begun::Speaks(protocol, read));
            }
        }
        conversation.is_waited_for_by(cx.waker());
        if conversation.is_leaving() {
            return Poll::Ready(Begun::Evicted);
        }
        if read.is_empty() && stopped.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Begun::Nothing);
        }
        deadline.poll(cx).map(|()| match read.is_empty() {
            true => Begun::Nothing,
            false => Begun::Late,
        })
    })
    .await
}

fn told(read: &[u8]) -> Option<Protocol> {
    let length = read.len().min(TELLING);
    match (read[..length] == PREFACE[..length], length == TELLING) {
        (false, _) => Some(Protocol::Http1),
        (true, true) => Some(Protocol::Http2),
        (true, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_bytes_tell_at_most() {
        for (read, protocol) in [
            (&b"G"[..], Some(Protocol::Http1)),
            (b"P", None),
            (b"PR", None),
            (b"PO", Some(Protocol::Http1)),
            (b"PRO", Some(Protocol::Http1)),
            (b"PRI", None),
            (b"PRI ", Some(Protocol::Http2)),
            (b"PRIM", Some(Protocol::Http1)),
            (&PREFACE[..], Some(Protocol::Http2)),
        ] {
            assert_eq!(told(read), protocol, "{read:?}");
        }
    }
}
