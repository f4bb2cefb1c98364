//! How long may a peer take nothing of what is written to it?

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use super::deadline::{Deadline, timed_out};

pub(super) struct Stall {
    most: Duration,
    /// Set only while a write waits.
    waits: Option<Deadline>,
}

impl Stall {
    pub(super) fn of(most: Duration) -> Self {
        Self { most, waits: None }
    }

    /// What a write came to, or an error where writes have waited for too long.
    pub(super) fn bound<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = None;
            return written;
        }
        let most = self.most;
        let waits = self.waits.get_or_insert_with(|| Deadline::after(most));
        let rung = waits.poll(cx);
        rung.map(|()| Err(timed_out("the peer does not read what it is sent")))
    }
}
