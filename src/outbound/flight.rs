//! One acquisition under way, for everybody who waits for it. It is a task of its own, so that a
//! caller who leaves does not end it for the others, and it always lands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{AccessToken, AcquireError, AppTokens};
use crate::clock::UnixTime;

/// An acquisition.
pub(super) struct Flight {
    tokens: Arc<AppTokens>,
    departed: UnixTime,
    clock: Instant,
    outcome: Option<Result<AccessToken, AcquireError>>,
    sender: watch::Sender<Option<Result<Arc<AccessToken>, AcquireError>>>,
}

impl Flight {
    /// A flight that is yet to depart, and where to wait for it.
    pub(super) fn new(tokens: Arc<AppTokens>, now: UnixTime) -> (Self, Landing) {
        let (sender, receiver) = watch::channel(None);
        let flight = Self {
            tokens,
            departed: now,
            clock: Instant::now(),
            outcome: None,
            sender,
        };
        (flight, Landing(receiver))
    }

    /// Sends it on its way.
    pub(super) fn depart(self) {
        tokio::spawn(self.fly());
    }

    async fn fly(mut self) {
        self.outcome = Some(self.tokens.acquire(self.departed).await);
    }
}

impl Drop for Flight {
    /// Lands it, also when acquiring panicked: nobody may wait for ever, and the next must be able
    /// to start.
    fn drop(&mut self) {
        // Rounded up: a pause may be a second longer than asked for, never shorter.
        let flown = Duration::from_secs(self.clock.elapsed().as_secs() + 1);
        let outcome = self.outcome.take().unwrap_or(Err(AcquireError::BrokenOff));
        let outcome = self.tokens.land(outcome, self.departed.plus(flown));
        self.sender.send_replace(Some(outcome));
    }
}

/// Where to wait for a flight.
#[derive(Clone)]
pub(super) struct Landing(watch::Receiver<Option<Result<Arc<AccessToken>, AcquireError>>>);

impl Landing {
    /// What it brought.
    pub(super) async fn outcome(mut self) -> Result<Arc<AccessToken>, AcquireError> {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(AcquireError::BrokenOff)),
            Err(_) => Err(AcquireError::BrokenOff),
        }
    }
}
