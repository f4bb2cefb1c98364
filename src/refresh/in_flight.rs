//! One fetch in flight, for everybody who waits for it. It is a task of its own, so that a caller
//! who leaves does not end it for the others, and it always ends.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::source::{Mishap, Unavailable};
use crate::clock::UnixTime;

/// What a fetch comes to for those who wait.
pub(super) type Fetched<T, E> = Result<Arc<T>, Unavailable<E>>;

/// Where to wait for a fetch.
pub(super) struct InFlight<T, E>(watch::Receiver<Option<Fetched<T, E>>>);

impl<T, E: Clone + From<Mishap>> InFlight<T, E> {
    pub(super) async fn outcome(mut self) -> Fetched<T, E> {
        let outcome = match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        outcome.unwrap_or_else(|| {
            Err(Unavailable {
                cause: Mishap::BrokenOff.into(),
                retry_after: Duration::from_secs(1),
                is_backoff: false,
            })
        })
    }
}

impl<T, E> Clone for InFlight<T, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

type End<T, E> = Box<dyn FnOnce(Result<T, E>, UnixTime) -> Fetched<T, E> + Send>;

/// A fetch; `end` takes in what it brought, and when.
pub(super) struct Fetch<T, E: From<Mishap>> {
    begun: UnixTime,
    clock: Instant,
    outcome: Option<Result<T, E>>,
    end: Option<End<T, E>>,
    sender: watch::Sender<Option<Fetched<T, E>>>,
}

impl<T: Send + Sync + 'static, E: From<Mishap> + Send + Sync + 'static> Fetch<T, E> {
    /// A fetch that is yet to be spawned, and where to wait for it.
    pub(super) fn new(now: UnixTime, end: End<T, E>) -> (Self, InFlight<T, E>) {
        let (sender, receiver) = watch::channel(None);
        let fetch = Self {
            begun: now,
            clock: Instant::now(),
            outcome: None,
            end: Some(end),
            sender,
        };
        (fetch, InFlight(receiver))
    }

    pub(super) fn spawn(self, fetching: impl Future<Output = Result<T, E>> + Send + 'static) {
        tokio::spawn(self.run(fetching));
    }

    async fn run(mut self, fetching: impl Future<Output = Result<T, E>>) {
        self.outcome = Some(fetching.await);
    }
}

impl<T, E: From<Mishap>> Drop for Fetch<T, E> {
    /// Ends it, also when it panicked: nobody may wait for ever, and the next must be able to begin.
    fn drop(&mut self) {
        // Rounded up: a backoff may be a second longer than asked for, never shorter.
        let taken = Duration::from_secs(self.clock.elapsed().as_secs() + 1);
        let broken_off = || Err(Mishap::BrokenOff.into());
        let outcome = self.outcome.take().unwrap_or_else(broken_off);
        if let Some(end) = self.end.take() {
            let outcome = end(outcome, self.begun.plus(taken));
            self.sender.send_replace(Some(outcome));
        }
    }
}
