//! One line for every request, rendered where the request ends, and written by a thread of its own
//! so that no request waits for a disk.

use std::cell::RefCell;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{AccessLine, LogFormat};

/// Bytes of lines that may wait; the next ones are dropped and counted.
const WAITING: usize = 4 * 1024 * 1024;
/// How long the writer gathers lines after a write: a busy gateway pays one wake-up for many.
const GATHER: Duration = Duration::from_millis(20);
/// How long `flush` waits for a writer that is stuck.
const PATIENCE: Duration = Duration::from_secs(2);
/// What a buffer keeps of its memory when it is empty.
const KEPT: usize = 256 * 1024;

thread_local! {
    /// A line in the making. Rendering it under the lock would hold up other threads' requests.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where access lines go. Cloning is cheap; the last one dropped ends the writer.
#[derive(Clone)]
pub struct AccessLog {
    desk: Option<Arc<Desk>>,
    format: LogFormat,
}

impl AccessLog {
    pub fn start(enabled: bool, format: LogFormat) -> Self {
        if enabled {
            Self::to_writer(Box::new(io::stdout()), format)
        } else {
            Self { desk: None, format }
        }
    }

    pub fn to_writer(out: Box<dyn Write + Send>, format: LogFormat) -> Self {
        let queue = Arc::new(Queue::default());
        let theirs = Arc::clone(&queue);
        let writer = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || theirs.write_all(out));
        let desk = match writer {
            Ok(_) => Some(Arc::new(Desk { queue })),
            Err(why) => {
                tracing::error!(%why, "no thread for the access log; no line will be written");
                None
            }
        };
        Self { desk, format }
    }

    pub fn is_enabled(&self) -> bool {
        self.desk.is_some()
    }

    pub fn write(&self, line: &AccessLine<'_>) {
        let Some(desk) = &self.desk else { return };
        // A thread that is ending has no request left to tell of.
        let _ = LINE.try_with(|text| {
            let mut text = text.borrow_mut();
            text.clear();
            line.render(self.format, &mut text);
            desk.queue.push(&text);
        });
    }

    /// How many lines were lost: too many waited, or they could not be written.
    pub fn dropped(&self) -> u64 {
        self.desk
            .as_ref()
            .map_or(0, |desk| desk.queue.dropped.load(Ordering::Relaxed))
    }

    /// Waits until every line handed over so far is written; two seconds at most, so that a
    /// terminal that stands still cannot hold the process.
    pub fn flush(&self) {
        if let Some(desk) = &self.desk {
            desk.queue.flush();
        }
    }
}

struct Desk {
    queue: Arc<Queue>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.queue.state.lock().closed = true;
        self.queue.wake.notify_one();
    }
}

#[derive(Default)]
struct Queue {
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
    /// Lines ever taken in, and how many of them are done with.
    pushed: u64,
    done: u64,
    asleep: bool,
    /// Somebody flushes: gather no longer.
    hurry: bool,
    closed: bool,
}

impl Queue {
    fn push(&self, line: &[u8]) {
        let mut state = self.state.lock();
        if state.waiting.len() + line.len() > WAITING {
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.waiting.extend_from_slice(line);
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

    fn write_all(&self, mut out: Box<dyn Write + Send>) {
        let (mut lines, mut told) = (Vec::new(), false);
        while let Some(count) = self.take(&mut lines) {
            if let Err(why) = out.write_all(&lines).and_then(|()| out.flush()) {
                self.dropped.fetch_add(count, Ordering::Relaxed);
                if !mem::replace(&mut told, true) {
                    tracing::error!(%why, "access lines cannot be written");
                }
            }
            lines.clear();
            lines.shrink_to(KEPT);
            self.state.lock().done += count;
            self.wrote.notify_all();
        }
    }

    /// Waits for lines, takes them all and says how many; `None` when no more will come.
    fn take(&self, lines: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.state.lock();
        if state.done > 0 {
            let gathering = |state: &mut State| !state.hurry && !state.closed;
            self.wake.wait_while_for(&mut state, gathering, GATHER);
        }
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.asleep = true;
            self.wake.wait(&mut state);
        }
        state.asleep = false;
        state.hurry = false;
        mem::swap(&mut state.waiting, lines);
        Some(state.pushed - state.done)
    }
}

#[cfg(test)]
#[path = "access_log_tests.rs"]
mod tests;
