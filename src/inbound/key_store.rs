//! Which keys does the issuer publish now? A snapshot that requests read without a lock, kept
//! fresh by a background task; what is not in it is asked for once, by one flight for all callers.
//! Good keys are never replaced by empty, broken or missing ones, until they are too old to trust.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::key_source::{Fetched, KeySource, KeysError};
use super::schedule::{Schedule, Step};
use super::{IssuerStatus, KeyTimes};
use crate::clock::UnixTime;

/// How many flights one caller waits for: one that was already under way, and its own.
const FLIGHTS_PER_CALLER: usize = 2;

/// An issuer's keys, kept fresh. Dropping it ends the background task.
pub(super) struct KeyStore<S: KeySource> {
    shared: Arc<Shared<S>>,
    background: AbortHandle,
}

/// The keys of one fetch.
#[derive(Debug)]
pub(super) struct Snapshot<K> {
    keys: Arc<K>,
    count: usize,
    digest: [u8; 32],
    fetched_at: UnixTime,
    generation: Generation,
}

/// Counts the documents that differed. What was verified by a key of one generation is not
/// trusted in the next: its key may have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(pub(super) u64);

/// What was looked for, and the generation it was found in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<R> {
    /// It.
    pub(super) item: R,
    /// Of the same snapshot.
    pub(super) generation: Generation,
}

/// Why it was not found. In rising order: what cannot be known outweighs what seems known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Missing {
    /// The issuer does not publish it.
    #[error("the issuer does not publish this key")]
    Unknown,
    /// There are no usable keys, or the issuer could not be asked for this one.
    #[error("the issuer's keys are not available")]
    Unavailable,
}

impl<S: KeySource> KeyStore<S> {
    /// Begins the first fetch and the background task. Needs a tokio runtime.
    pub(super) fn start(issuer: Arc<str>, times: KeyTimes, source: S) -> Self {
        let shared = Arc::new(Shared {
            issuer,
            max_stale: times.max_stale,
            source,
            current: ArcSwapOption::empty(),
            state: Mutex::new(State {
                schedule: Schedule::new(times, Instant::now()),
                fetches: 0,
                failures: 0,
                last_error: None,
            }),
            landings: watch::Sender::new(()),
        });
        // Before anybody can ask: the first request finds a flight to wait for.
        shared.tick();
        let background = tokio::spawn(keep_fresh(Arc::clone(&shared))).abort_handle();
        Self { shared, background }
    }

    /// The generation of the keys that are good now, where there are any. One load, no lock.
    pub(super) fn generation(&self, now: UnixTime) -> Option<Generation> {
        let current = self.shared.current.load();
        usable(&current, self.shared.max_stale, now).map(|snapshot| snapshot.generation)
    }

    /// Looks for something in the keys; where it is not there, has them fetched again (at most once
    /// per cool-down for all callers) and looks once more.
    ///
    /// # Errors
    /// When it is not there, and when nobody can tell.
    pub(super) async fn look<R>(
        &self,
        now: UnixTime,
        pick: impl Fn(&S::Keys) -> Option<R>,
    ) -> Result<Found<R>, Missing> {
        for flights in 0..=FLIGHTS_PER_CALLER {
            if let Ok(found) = self.find(now, &pick) {
                return Ok(found);
            }
            match self.shared.miss(flights < FLIGHTS_PER_CALLER) {
                Ok(mut landings) => {
                    if landings.changed().await.is_err() {
                        break;
                    }
                }
                // A flight may have landed since the keys were read: they have the last word.
                Err(why) => return self.find(now, &pick).map_err(|missing| missing.max(why)),
            }
        }
        Err(Missing::Unavailable)
    }

    /// How the keys are.
    pub(super) fn status(&self, now: UnixTime) -> IssuerStatus {
        let current = self.shared.current.load();
        let state = self.shared.state.lock();
        IssuerStatus {
            keys: usable(&current, self.shared.max_stale, now).map_or(0, |good| good.count),
            fetched_at: current.as_ref().map(|snapshot| snapshot.fetched_at),
            fetches: state.fetches,
            failures: state.failures,
            last_error: state.last_error.clone(),
        }
    }

    fn find<R>(
        &self,
        now: UnixTime,
        pick: impl Fn(&S::Keys) -> Option<R>,
    ) -> Result<Found<R>, Missing> {
        let current = self.shared.current.load();
        let snapshot = usable(&current, self.shared.max_stale, now).ok_or(Missing::Unavailable)?;
        let item = pick(&snapshot.keys).ok_or(Missing::Unknown)?;
        Ok(Found {
            item,
            generation: snapshot.generation,
        })
    }
}

impl<S: KeySource> Drop for KeyStore<S> {
    fn drop(&mut self) {
        self.background.abort();
    }
}

impl<S: KeySource> fmt::Debug for KeyStore<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeyStore")
            .field("issuer", &self.shared.issuer)
            .finish_non_exhaustive()
    }
}

/// What the store, the background task and a flight have in common.
struct Shared<S: KeySource> {
    issuer: Arc<str>,
    max_stale: Duration,
    source: S,
    current: ArcSwapOption<Snapshot<S::Keys>>,
    state: Mutex<State>,
    /// Tells the end of each flight.
    landings: watch::Sender<()>,
}

struct State {
    schedule: Schedule,
    fetches: u64,
    failures: u64,
    last_error: Option<String>,
}

impl<S: KeySource> Shared<S> {
    /// Begins the fetch that is due by the clock, if one is.
    fn tick(self: &Arc<Self>) {
        if self.state.lock().schedule.tick(Instant::now()) {
            Flight::take_off(self);
        }
    }

    /// Joins the flight under way or begins one; the receiver hears of its end.
    fn miss(self: &Arc<Self>, may_wait: bool) -> Result<watch::Receiver<()>, Missing> {
        let mut state = self.state.lock();
        let step = if may_wait {
            state.schedule.miss(Instant::now())
        } else {
            state.schedule.verdict()
        };
        // INVARIANT: subscribed under the lock that a landing takes first, so none goes unheard.
        let landings = self.landings.subscribe();
        drop(state);
        match step {
            Step::Wait => Ok(landings),
            Step::Fetch => {
                Flight::take_off(self);
                Ok(landings)
            }
            Step::Unknown => Err(Missing::Unknown),
            Step::Unavailable => Err(Missing::Unavailable),
        }
    }

    fn land(&self, outcome: Result<Fetched<S::Keys>, KeysError>, now: UnixTime) {
        let outcome = outcome.and_then(|fetched| match fetched.count {
            0 => Err(KeysError::Empty),
            _ => Ok(fetched),
        });
        let mut state = self.state.lock();
        state
            .schedule
            .land(outcome.is_ok(), chance(), Instant::now());
        let told = match outcome {
            Ok(fetched) => {
                state.fetches += 1;
                state.last_error = None;
                Ok((fetched.count, self.replace(fetched, now)))
            }
            Err(error) => {
                state.failures += 1;
                state.last_error = Some(error.to_string());
                Err(error)
            }
        };
        drop(state);
        self.landings.send_replace(());
        let issuer = &self.issuer;
        match told {
            Ok((keys, true)) => tracing::info!(%issuer, keys, "issuer publishes new keys"),
            Ok((keys, false)) => tracing::debug!(%issuer, keys, "issuer keys are unchanged"),
            Err(error) => tracing::warn!(%issuer, %error, "issuer keys could not be fetched"),
        }
    }

    /// Puts new keys in place, and says whether they differ. Called with the lock held.
    fn replace(&self, fetched: Fetched<S::Keys>, now: UnixTime) -> bool {
        let old = self.current.load();
        let same = old
            .as_deref()
            .filter(|old| old.digest == fetched.digest)
            .map(|old| (Arc::clone(&old.keys), old.generation));
        let changed = same.is_none();
        let (keys, generation) = same.unwrap_or_else(|| {
            let number = old.as_deref().map_or(0, |old| old.generation.0 + 1);
            (Arc::new(fetched.keys), Generation(number))
        });
        self.current.store(Some(Arc::new(Snapshot {
            keys,
            count: fetched.count,
            digest: fetched.digest,
            fetched_at: now,
            generation,
        })));
        changed
    }
}

/// One fetch, a task of its own: no caller who leaves can end it for the others. However it ends,
/// it lands.
struct Flight<S: KeySource> {
    shared: Arc<Shared<S>>,
    landed: bool,
}

impl<S: KeySource> Flight<S> {
    fn take_off(shared: &Arc<Shared<S>>) {
        let mut flight = Self {
            shared: Arc::clone(shared),
            landed: false,
        };
        tokio::spawn(async move {
            let outcome = flight.shared.source.fetch().await;
            flight.landed = true;
            flight.shared.land(outcome, UnixTime::now());
        });
    }
}

impl<S: KeySource> Drop for Flight<S> {
    fn drop(&mut self) {
        if !self.landed {
            self.shared.land(Err(KeysError::CutOff), UnixTime::now());
        }
    }
}

async fn keep_fresh<S: KeySource>(shared: Arc<Shared<S>>) {
    let mut landings = shared.landings.subscribe();
    loop {
        // In a statement of its own: the lock must be free before the wait.
        let due = shared.state.lock().schedule.due();
        let heard = match due {
            Some(due) => timeout_at(due, landings.changed()).await,
            None => Ok(landings.changed().await),
        };
        match heard {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => shared.tick(),
        }
    }
}

fn usable<K>(
    current: &Guard<Option<Arc<Snapshot<K>>>>,
    max_stale: Duration,
    now: UnixTime,
) -> Option<&Snapshot<K>> {
    current
        .as_deref()
        .filter(|snapshot| now <= snapshot.fetched_at.plus(max_stale))
}

/// Random, so that many gateways do not fetch in step; a failing generator costs only that.
fn chance() -> u8 {
    let mut byte = [0];
    let _ = openssl::rand::rand_bytes(&mut byte);
    byte[0]
}

#[cfg(test)]
#[path = "key_store_tests.rs"]
mod tests;
