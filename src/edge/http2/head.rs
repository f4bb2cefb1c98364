//! Is the head of an answer written? The codec does not tell; and what waits in it when a stream is reset, the
//! head too, is never sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;

use crate::edge::deadline::Deadline;

/// How many are awaited before those are looked for that nobody awaits any more: their peer has left.
const MANY: usize = 128;

/// Of a connection's streams, those that are awaited; the oldest, which mostly comes first, first.
#[derive(Default)]
pub(super) struct Heads(VecDeque<(u32, Weak<Head>)>);

/// A stream's, from its request to its answer's head.
#[derive(Debug)]
pub(super) struct Head {
    /// Heads that are to be written: one, and one for each interim answer.
    left: AtomicU32,
    is_out: AtomicBool,
    task: AtomicWaker,
}

impl Head {
    pub(super) fn awaited() -> Self {
        Self {
            left: AtomicU32::new(1),
            is_out: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }

    /// An interim answer goes before it.
    pub(super) fn comes_later(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// One was written. True where it was the last.
    fn wrote(&self) -> bool {
        let was_last = self.left.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last {
            self.is_out.store(true, Ordering::Release);
            self.task.wake();
        }
        was_last
    }

    /// Returns when it is written, or after `most`: its peer may read nothing.
    pub(super) async fn is_out(&self, most: Duration) {
        let mut deadline = None;
        std::future::poll_fn(|cx| {
            self.task.register(cx.waker());
            if self.is_out.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            deadline
                .get_or_insert_with(|| Deadline::after(most))
                .poll(cx)
        })
        .await;
    }
}

impl Heads {
    pub(super) fn await_of(&mut self, stream: u32, head: &Arc<Head>) {
        if self.0.len() >= MANY {
            self.0.retain(|(_, head)| head.strong_count() > 0);
        }
        self.0.push_back((stream, Arc::downgrade(head)));
    }

    /// One of this stream is on its way.
    pub(super) fn went(&mut self, stream: u32) {
        let Some(place) = self.0.iter().position(|(of, _)| *of == stream) else {
            return;
        };
        let head = self.0.get(place).and_then(|(_, head)| head.upgrade());
        if head.is_none_or(|head| head.wrote()) {
            self.0.remove(place);
        }
    }
}
