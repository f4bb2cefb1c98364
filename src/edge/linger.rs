//! What is done with a connection that we have ended: closing a socket with unread bytes resets
//! it, and the reset may overtake the answer. So what still comes is thrown away, for a while.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

const LONGEST: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 1024 * 1024;

pub(super) struct Linger {
    /// The peer is in the middle of something; else only what is here already is thrown away.
    expects_more: bool,
    /// Whether more is waited for at all.
    is_patient: bool,
    left: usize,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Linger {
    /// `interrupted`: the peer had not ended its request when we answered. `is_patient`: what is not
    /// here already may be waited for.
    pub(super) fn new(interrupted: bool, is_patient: bool) -> Self {
        Self {
            expects_more: interrupted,
            is_patient,
            left: MOST_BYTES,
            timer: None,
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut peer: Pin<&mut impl AsyncRead>,
    ) -> Poll<()> {
        let mut scrap = [0; 4096];
        while self.left > 0 {
            let mut buf = ReadBuf::new(&mut scrap);
            match peer.as_mut().poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.left = self.left.saturating_sub(buf.filled().len());
                    self.expects_more = true;
                }
                // The peer has said goodbye as well, or is gone.
                Poll::Ready(_) => break,
                Poll::Pending if self.expects_more && self.is_patient => {
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(LONGEST)));
                    return timer.as_mut().poll(cx);
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(())
    }
}
