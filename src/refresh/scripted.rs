//! What do the tests of both policies keep fresh? A source that answers what it is told, when it is
//! told.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use super::source::{Errand, Failure, Mishap, Outcome, Source};

pub(super) struct Scripted<T>(Arc<Script<T>>);

struct Script<T> {
    answers: Mutex<VecDeque<Answer<T>>>,
    calls: AtomicUsize,
    allowed: Semaphore,
}

pub(super) enum Answer<T> {
    Item(T),
    Fails(Why),
    Panics,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Down,
    Throttled(u64),
    Mishap(Mishap),
}

impl<T> Scripted<T> {
    /// Answers in this order, the first `allowed` of them at once.
    pub(super) fn new(allowed: usize, answers: impl IntoIterator<Item = Answer<T>>) -> Self {
        Self(Arc::new(Script {
            answers: Mutex::new(answers.into_iter().collect()),
            calls: AtomicUsize::new(0),
            allowed: Semaphore::new(allowed),
        }))
    }

    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    pub(super) fn allow(&self, count: usize) {
        self.0.allowed.add_permits(count);
    }
}

impl<T> Clone for Scripted<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Source for Scripted<T> {
    type Item = T;
    type Error = Why;
    type Demand = ();

    async fn fetch(&self, (): (), _: &Errand<T>) -> Result<T, Why> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        self.0.allowed.acquire().await.unwrap().forget();
        let answer = self.0.answers.lock().pop_front();
        match answer.expect("a fetch that nobody expected") {
            Answer::Item(item) => Ok(item),
            Answer::Fails(why) => Err(why),
            Answer::Panics => panic!("a bug in the source"),
        }
    }

    fn tell(&self, _: Outcome<'_, T, Why>) {}
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

impl From<Mishap> for Why {
    fn from(mishap: Mishap) -> Self {
        Self::Mishap(mishap)
    }
}

impl Failure for Why {
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled(seconds) => Some(Duration::from_secs(*seconds)),
            _ => None,
        }
    }
}

/// Lets every task that can run do so, on the test's one thread.
pub(super) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Lets the other tasks go on until this holds.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        yield_now().await;
    }
    panic!("never came: {what}");
}
