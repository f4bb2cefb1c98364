//! The mechanism: what each key has, and the fetches in flight, one for a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use quick_cache::DefaultHashBuilder;
use quick_cache::sync::Cache;

use super::kept::{ByWeight, Forgotten, Kept};
use super::source::KeyedFailure as _;
use super::state::{SHORTEST_WAIT, State};
use super::{KeyedSource, KeyedStatus};
use crate::clock::UnixTime;
use crate::refresh::backoff::{Backoff, Ended};
use crate::refresh::in_flight::{Fetch, Fetched, InFlight};
use crate::refresh::renewal::last_moment;
use crate::refresh::{Expires as _, Failure as _, Mishap, Unavailable};

/// What has ended is looked for so often.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(60);

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// That memory is laid out for at first.
    pub usual: usize,
    /// In bytes.
    pub most: u64,
}

pub struct ByKey<S: KeyedSource> {
    source: S,
    kept: Cache<S::Key, Kept<S>, ByWeight, DefaultHashBuilder, Forgotten>,
    state: Mutex<State<S>>,
    cool_down: Duration,
    found: AtomicU64,
    forgotten: Forgotten,
}

/// Whether a fetch is to fill a gap, or in place of what others refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Fill,
    Renew,
    Replace,
}

impl<S: KeyedSource> ByKey<S> {
    /// Fetches nothing until asked. `cool_down`: for so long a failure is remembered, at least.
    pub fn new(source: S, cool_down: Duration, room: Room) -> Arc<Self> {
        let forgotten = Forgotten::default();
        let hasher = DefaultHashBuilder::default();
        Arc::new(Self {
            source,
            kept: Cache::with(room.usual, room.most, ByWeight, hasher, forgotten.clone()),
            state: Mutex::new(State::new()),
            cool_down: cool_down.max(SHORTEST_WAIT),
            found: AtomicU64::new(0),
            forgotten,
        })
    }

    pub fn source(&self) -> &S {
        &self.source
    }

    /// The key's, which is fetched where there is none that is good.
    pub async fn current(
        self: &Arc<Self>,
        key: S::Key,
        now: UnixTime,
        needed: impl FnOnce() -> S::Needed,
    ) -> Fetched<S::Item, S::Error> {
        if let Some(kept) = self.good(&key, now) {
            self.found.fetch_add(1, Ordering::Relaxed);
            if now >= kept.stale_at {
                self.renew(key, now, needed);
            }
            return kept.answer(now);
        }
        let joined = self.join(key, now, needed)?;
        match joined {
            Joined::Kept(kept) => kept.answer(now),
            Joined::InFlight(in_flight) => Box::pin(in_flight.outcome()).await,
        }
    }

    /// What replaces this one, which others refused. `None`: that was tried a short while ago, and a side
    /// that refuses every one must not make a storm.
    pub async fn instead_of(
        self: &Arc<Self>,
        key: S::Key,
        refused: &Arc<S::Item>,
        now: UnixTime,
        needed: impl FnOnce() -> S::Needed,
    ) -> Option<Fetched<S::Item, S::Error>> {
        let in_flight = {
            let mut state = self.state.lock();
            let kept = self.good(&key, now);
            if let Some(in_flight) = state.in_flight.get(&key) {
                in_flight.clone()
            } else if let Some(kept) = kept.as_ref().filter(|kept| !kept.is(refused)) {
                return Some(kept.clone().answer(now));
            } else if let Some(refusal) = state.refusal(now) {
                return Some(Err(refusal));
            } else if kept.is_some_and(|kept| !kept.may_be_replaced(now)) || !state.may_replace(now)
            {
                return None;
            } else {
                self.begin(state, key, now, needed(), Purpose::Replace)
            }
        };
        Some(Box::pin(in_flight.outcome()).await)
    }

    /// Forgets everything that is kept. What is in flight comes to those who wait for it, and to nobody
    /// after them.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        state.outdate();
        self.kept.clear();
    }

    pub fn status(&self, now: UnixTime) -> KeyedStatus<S::Error> {
        let state = self.state.lock();
        let pause = state.pause.as_ref();
        let pause = pause.filter(|(pause, _)| pause.left(now).is_some());
        let (last_refusal, refused_in_a_row) = state.refusals();
        KeyedStatus {
            kept: self.kept.len(),
            bytes: self.kept.weight(),
            found: self.found.load(Ordering::Relaxed),
            fetches: state.counts.fetches,
            refusals: state.counts.refusals,
            failures: state.counts.failures,
            forgotten: self.forgotten.0.load(Ordering::Relaxed),
            last_error: state.last_error.clone(),
            last_refusal,
            refused_in_a_row,
            paused_until: pause.map(|(pause, _)| pause.until),
        }
    }

    fn good(&self, key: &S::Key, now: UnixTime) -> Option<Kept<S>> {
        self.kept.get(key).filter(|kept| now <= kept.until)
    }

    fn join(
        self: &Arc<Self>,
        key: S::Key,
        now: UnixTime,
        needed: impl FnOnce() -> S::Needed,
    ) -> Result<Joined<S>, Unavailable<S::Error>> {
        let state = self.state.lock();
        if let Some(in_flight) = state.in_flight.get(&key) {
            return Ok(Joined::InFlight(in_flight.clone()));
        }
        // One may have ended since the caller looked.
        if let Some(kept) = self.good(&key, now) {
            return Ok(Joined::Kept(kept));
        }
        match state.refusal(now) {
            Some(refusal) => Err(refusal),
            None => {
                let in_flight = self.begin(state, key, now, needed(), Purpose::Fill);
                Ok(Joined::InFlight(in_flight))
            }
        }
    }

    fn renew(self: &Arc<Self>, key: S::Key, now: UnixTime, needed: impl FnOnce() -> S::Needed) {
        // Whoever holds the lock may well be deciding the same.
        if let Some(state) = self.state.try_lock()
            && !state.in_flight.contains_key(&key)
            && state.refusal(now).is_none()
        {
            self.begin(state, key, now, needed(), Purpose::Renew);
        }
    }

    /// Begins a fetch; there must be none of this key in flight.
    fn begin(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<S>>,
        key: S::Key,
        now: UnixTime,
        needed: S::Needed,
        purpose: Purpose,
    ) -> InFlight<S::Item, S::Error> {
        let (keeper, asked) = (Arc::clone(self), Arc::clone(self));
        let era = state.era;
        let end = move |outcome, ended| keeper.end((key, era), purpose, outcome, ended);
        let (fetch, in_flight) = Fetch::new(now, Box::new(end));
        state.in_flight.insert(key, in_flight.clone());
        // A runtime that is going down drops a task, and so ends it, while it is being spawned.
        drop(state);
        fetch.spawn(async move { asked.source.fetch(needed, now).await });
        in_flight
    }

    /// Takes in what a fetch brought.
    fn end(
        &self,
        (key, era): (S::Key, u64),
        purpose: Purpose,
        outcome: Result<S::Item, S::Error>,
        now: UnixTime,
    ) -> Fetched<S::Item, S::Error> {
        let outcome = outcome.and_then(|item| match last_moment(&item, now) {
            until if now <= until => Ok((Arc::new(item), until)),
            _ => Err(Mishap::Expired.into()),
        });
        let mut state = self.state.lock();
        let is_kept = state.ended(&key, era);
        state.count(&outcome, now);
        self.sweep(&mut state, now);
        let cause = match outcome {
            Ok((item, until)) => {
                let kept = Kept {
                    stale_at: item.renew_at(),
                    until,
                    replaced: (purpose == Purpose::Replace).then_some(now),
                    weight: S::weight(&item),
                    what: Ok(Arc::clone(&item)),
                };
                if is_kept {
                    self.kept.insert(key, kept);
                }
                drop(state);
                self.source.tell(Ok(&item), None);
                return Ok(item);
            }
            Err(cause) => cause,
        };
        let pause = cause.retry_after().unwrap_or_default().max(self.cool_down);
        let again_at = now.plus(pause);
        let paused = state.is_to_pause().then_some(pause);
        if paused.is_some() {
            let ended = Ended::failed_at(now);
            state.pause = Some((Backoff::after(&ended, pause), cause.clone()));
        }
        let known = self.good(&key, now).filter(|kept| kept.what.is_ok());
        match known {
            // Good is not replaced by what failed, unless it is good for nothing.
            Some(known) if is_kept && (purpose != Purpose::Replace || !cause.is_of_the_key()) => {
                let stale_at = known.stale_at.max(again_at);
                let replaced = match purpose {
                    Purpose::Replace => Some(now),
                    _ => known.replaced,
                };
                self.kept.insert(
                    key,
                    Kept {
                        stale_at,
                        replaced,
                        ..known
                    },
                );
            }
            _ if is_kept => self
                .kept
                .insert(key, Kept::failure(cause.clone(), again_at)),
            _ => {}
        }
        drop(state);
        self.source.tell(Err(&cause), paused);
        Err(Unavailable {
            cause,
            retry_after: pause,
            is_backoff: false,
        })
    }

    /// What has ended is nobody's, and takes up room.
    fn sweep(&self, state: &mut State<S>, now: UnixTime) {
        if now >= state.swept.plus(BETWEEN_SWEEPS) || now < state.swept {
            state.swept = now;
            self.kept.retain(|_, kept| now <= kept.until);
        }
    }
}

enum Joined<S: KeyedSource> {
    Kept(Kept<S>),
    InFlight(InFlight<S::Item, S::Error>),
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
