//! Refresh on a miss, for sets that are looked things up in: refreshed by the clock, and once more
//! for what is not there, at most once per cool-down, however many callers and however much they
//! miss. The last good set is kept until it expires.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use super::keeper::{InFlightOf, Keeper, Status};
use super::refetch::{Missing, Refetch, RefetchTimes};
use super::source::{Cause, Source};
use crate::clock::UnixTime;

/// How many fetches one caller waits for: one that was already in flight, and its own.
const FETCHES_PER_CALLER: usize = 2;

/// A set, kept fresh. Dropping it ends the background refresh.
pub struct OnMiss<S: Source<Item: PartialEq>> {
    keeper: Arc<Keeper<S, Refetch>>,
}

/// Counts the sets that differed. What was concluded from one generation does not hold in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(pub u64);

/// What was looked for, and the generation it was found in.
#[derive(Debug, PartialEq, Eq)]
pub struct Found<R> {
    pub item: R,
    pub generation: Generation,
}

impl<S: Source<Item: PartialEq>> OnMiss<S> {
    /// Begins the first fetch, so that whoever asks finds one in flight. Needs a tokio runtime.
    pub fn start(source: S, times: RefetchTimes) -> Self {
        let keeper = Keeper::new(source, Refetch::new(times));
        let now = UnixTime::now();
        keeper.ring(now, now);
        Self { keeper }
    }

    /// The generation of the set that is good now, where there is one. One load, no lock.
    pub fn generation(&self, now: UnixTime) -> Option<Generation> {
        self.keeper.good(now, |kept| Generation(kept.generation))
    }

    pub fn peek<R>(&self, now: UnixTime, pick: impl FnOnce(&S::Item) -> R) -> Option<R> {
        self.keeper.good(now, |kept| pick(&kept.item))
    }

    /// Looks for something, which goes by `name`; where it is not there, has the set fetched again
    /// and looks once more.
    pub async fn find<R>(
        &self,
        now: UnixTime,
        name: &impl Hash,
        pick: impl Fn(&S::Item) -> Option<R>,
    ) -> Result<Found<R>, Missing> {
        for _ in 0..FETCHES_PER_CALLER {
            if let Some(found) = self.look(now, &pick) {
                return Ok(found);
            }
            let missing = match self.miss(now, name, &pick) {
                // Rare, and large.
                Ok(in_flight) => match Box::pin(in_flight.outcome()).await {
                    Ok(_) => continue,
                    Err(why) => Missing::Unavailable {
                        retry_after: why.retry_after,
                    },
                },
                Err(missing) => missing,
            };
            return self.conclude(now, &pick, missing);
        }
        self.conclude(now, &pick, Missing::Unknown)
    }

    pub fn status(&self) -> Status {
        self.keeper.status(UnixTime::now())
    }

    fn look<R>(&self, now: UnixTime, pick: impl Fn(&S::Item) -> Option<R>) -> Option<Found<R>> {
        self.keeper.good(now, |kept| {
            let generation = Generation(kept.generation);
            pick(&kept.item).map(|item| Found { item, generation })
        })?
    }

    /// A fetch may have ended since the caller looked: what is kept has the last word. And without
    /// a good set, nothing is unknown.
    fn conclude<R>(
        &self,
        now: UnixTime,
        pick: impl Fn(&S::Item) -> Option<R>,
        missing: Missing,
    ) -> Result<Found<R>, Missing> {
        let found = self.look(now, pick);
        found.ok_or_else(|| match (missing, self.generation(now)) {
            (Missing::Unknown | Missing::NotAsked { .. }, None) => Missing::Unavailable {
                retry_after: self.keeper.state.lock().policy.cooling(now),
            },
            (missing, _) => missing,
        })
    }

    /// Joins the fetch in flight, or begins one where that is allowed.
    fn miss<R>(
        &self,
        now: UnixTime,
        name: &impl Hash,
        pick: impl Fn(&S::Item) -> Option<R>,
    ) -> Result<InFlightOf<S>, Missing> {
        let mut state = self.keeper.state.lock();
        let is_in_flight = state.in_flight.is_some();
        state.policy.asked.missed(name, is_in_flight);
        if let Some(in_flight) = &state.in_flight {
            return Ok(in_flight.clone());
        }
        let backoff = state.backoff;
        let before = self.keeper.good(now, |kept| Option::clone(&kept.marks));
        let has_left = before
            .flatten()
            .is_some_and(|before| pick(&before).is_some());
        state.policy.miss(name, has_left, backoff.as_ref(), now)?;
        Ok(self
            .keeper
            .begin(state, Cause::Due, S::Demand::default(), now))
    }
}

impl<S: Source<Item: PartialEq>> fmt::Debug for OnMiss<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OnMiss").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "on_miss_tests.rs"]
mod tests;
