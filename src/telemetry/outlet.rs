//! Where lines leave by: a thread of its own writes them, so that nobody waits for a disk, a terminal
//! or whoever reads the other end. What waits is bounded; what is too much is dropped and counted.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long the writer gathers lines after a write: a busy gateway pays one wake-up for many.
const GATHER: Duration = Duration::from_millis(20);
/// How long `flush` waits for a writer that is stuck.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a buffer keeps of its memory when it is empty.
const KEPT: usize = 256 * 1024;

/// Adds lines that have become due to those that are written next, and says when to ask again.
pub(super) type Due = Box<dyn Fn(&mut Vec<u8>) -> Option<Duration> + Send>;

/// The last one dropped ends the writer.
pub(super) struct Outlet {
    queue: Arc<Queue>,
}

impl Outlet {
    /// `name` is the thread's; `most` is how many bytes of lines may wait.
    pub(super) fn open(
        name: &'static str,
        out: Box<dyn Write + Send>,
        most: usize,
        due: Option<Due>,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            name,
            most,
            ..Queue::default()
        });
        let theirs = Arc::clone(&queue);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || theirs.write_all(out, due.as_deref()))?;
        Ok(Self { queue })
    }

    /// Takes whole lines.
    pub(super) fn push(&self, lines: &[u8]) {
        self.queue.push(lines);
    }

    /// How many were lost: too many waited, or they could not be written.
    pub(super) fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything handed over so far is written; two seconds at most, so that a terminal
    /// that stands still cannot hold the process.
    pub(super) fn flush(&self) {
        self.queue.flush();
    }

    /// Lets what is written to be flushed, though there may be no lines.
    pub(super) fn nudge(&self) {
        let mut state = self.queue.state.lock();
        state.nudged = true;
        state.asleep = false;
        self.queue.wake.notify_one();
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.queue.state.lock().closed = true;
        self.queue.wake.notify_one();
    }
}

#[derive(Default)]
struct Queue {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
    /// For the writer: there is something to do.
    wake: Condvar,
    /// For those who flush: something was written.
    wrote: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// How often something was ever taken in, and how much of that is done with.
    pushed: u64,
    done: u64,
    asleep: bool,
    /// Somebody flushes: gather no longer.
    hurry: bool,
    /// To be flushed with or without lines.
    nudged: bool,
    closed: bool,
}

impl Queue {
    fn push(&self, lines: &[u8]) {
        let mut state = self.state.lock();
        if state.waiting.len() + lines.len() > self.most {
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.waiting.extend_from_slice(lines);
        state.pushed += 1;
        if mem::take(&mut state.asleep) {
            self.wake.notify_one();
        }
    }

    fn flush(&self) {
        let until = Instant::now() + PATIENCE;
        let mut state = self.state.lock();
        let all = state.pushed;
        while state.done < all {
            state.hurry = true;
            self.wake.notify_one();
            if self.wrote.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }

    fn write_all(&self, mut out: Box<dyn Write + Send>, due: Option<&DueLines>) {
        let (mut lines, mut told, mut lost) = (Vec::new(), false, 0);
        while let Some(count) = self.take(&mut lines, due) {
            match out.write_all(&lines).and_then(|()| out.flush()) {
                Ok(()) => {
                    let dropped = self.dropped.load(Ordering::Relaxed);
                    let more = dropped - mem::replace(&mut lost, dropped);
                    if more > 0 {
                        tracing::warn!(
                            log = self.name,
                            lines = more,
                            "lines were lost: they were not taken fast enough"
                        );
                    }
                }
                Err(why) => {
                    lost = self.dropped.fetch_add(count, Ordering::Relaxed) + count;
                    if !mem::replace(&mut told, true) {
                        tracing::error!(log = self.name, %why, "lines cannot be written");
                    }
                }
            }
            lines.clear();
            lines.shrink_to(KEPT);
            self.state.lock().done += count;
            self.wrote.notify_all();
        }
    }

    /// Waits for lines, takes them all and says how many; `None` when no more will come.
    fn take(&self, lines: &mut Vec<u8>, due: Option<&DueLines>) -> Option<u64> {
        let mut state = self.state.lock();
        if state.done > 0 {
            let gathering = |state: &mut State| !state.hurry && !state.closed;
            self.wake.wait_while_for(&mut state, gathering, GATHER);
        }
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            if mem::take(&mut state.nudged) {
                return Some(0);
            }
            let again = due.and_then(|due| due(lines));
            if !lines.is_empty() {
                return Some(0);
            }
            state.asleep = true;
            match again {
                Some(again) => {
                    self.wake.wait_for(&mut state, again);
                }
                None => self.wake.wait(&mut state),
            }
        }
        state.asleep = false;
        state.hurry = false;
        mem::swap(&mut state.waiting, lines);
        Some(state.pushed - state.done)
    }
}

type DueLines = dyn Fn(&mut Vec<u8>) -> Option<Duration> + Send;
