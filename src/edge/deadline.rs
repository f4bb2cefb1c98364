//! A deadline that is moved on with every request and met by next to none: its timer is moved only
//! when it rings too early.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Debug)]
pub struct Deadline {
    at: Instant,
    /// Made where something has to wait, and then kept.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub fn after(span: Duration) -> Self {
        Self {
            at: moment_after(span),
            timer: None,
        }
    }

    pub fn move_to(&mut self, span: Duration) {
        self.at = moment_after(span);
    }

    /// Ready when it has passed; else the task is woken when it does, or before.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }

    /// Whether it has, of one that nobody waits for.
    pub fn has_passed(&self) -> bool {
        Instant::now() >= self.at
    }

    /// When it was last moved, or made, to be that far ahead.
    pub fn moved(&self, span: Duration) -> Instant {
        self.at.checked_sub(span).unwrap_or(self.at)
    }

    /// How long ago it was moved, or made, to be that far ahead.
    pub fn since_moved(&self, span: Duration) -> Duration {
        let moved = self.at.checked_sub(span);
        moved.map_or(Duration::ZERO, |moved| moved.elapsed())
    }
}

/// What a deadline that has passed is to a codec.
pub(super) fn timed_out(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// Now and `span` more. A span that no clock can hold is one that never ends.
fn moment_after(span: Duration) -> Instant {
    const DECADE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    let now = Instant::now();
    now.checked_add(span).unwrap_or(now + DECADE)
}
