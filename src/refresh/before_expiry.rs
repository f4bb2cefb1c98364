//! Renew before expiry, for what is handed out whole and ends: renewed in the background once it is
//! stale, if anybody uses it, and served meanwhile. What others refuse is replaced, once in a while.

use std::sync::Arc;
use std::time::Duration;

use super::keeper::{InFlightOf, Keeper, State, Status};
use super::renewal::{Expires, Renewal};
use super::source::{Cause, Source, Unavailable};
use crate::clock::UnixTime;

/// How long after one was refused somebody waits for what replaces it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

pub struct BeforeExpiry<S: Source<Item: Expires>> {
    keeper: Arc<Keeper<S, Renewal>>,
}

impl<S: Source<Item: Expires>> BeforeExpiry<S> {
    /// Fetches nothing until asked.
    pub fn new(source: S, cool_down: Duration) -> Self {
        Self {
            keeper: Keeper::new(source, Renewal::new(cool_down)),
        }
    }

    pub fn source(&self) -> &S {
        &self.keeper.source
    }

    /// The one to use now; waits for a fetch only where there is none that is good.
    pub async fn current(&self, now: UnixTime) -> Result<Arc<S::Item>, Unavailable<S::Error>> {
        if let Some((item, is_stale)) = self.good(now) {
            if is_stale {
                self.renew(now);
            }
            return Ok(item);
        }
        let outcome = match self.join(now)? {
            Joined::Good(item) => Ok(item),
            Joined::InFlight(in_flight) => Box::pin(in_flight.outcome()).await,
        };
        if let Some(kept) = self.keeper.kept.load().as_ref() {
            kept.marks.used.set();
        }
        outcome
    }

    /// Has the first one fetched, unless there is one, one on its way, or none to be had for the
    /// moment. Nobody uses it yet.
    pub fn begin(&self, now: UnixTime) {
        let state = self.keeper.state.lock();
        let is_idle = state.in_flight.is_none() && state.refusal(now).is_none();
        if is_idle && self.keeper.kept.load().is_none() {
            self.keeper
                .begin(state, Cause::Due, S::Demand::default(), now);
        }
    }

    /// Has a fresh one fetched because somebody says so. The one at hand serves until it is there.
    pub fn renew_now(&self, now: UnixTime) -> Order {
        self.order(self.keeper.state.lock(), now)
    }

    /// Forgets the one at hand, at once, and has a fresh one fetched.
    pub fn purge(&self, now: UnixTime) -> Order {
        let mut state = self.keeper.state.lock();
        state.policy.purge(now);
        self.keeper.kept.store(None);
        self.order(state, now)
    }

    fn order(&self, mut state: Locked<'_, S>, now: UnixTime) -> Order {
        if state.in_flight.is_some() {
            return Order::UnderWay;
        }
        let refusal = state.refusal(now).map(|refusal| refusal.retry_after);
        if let Some(wait) = refusal.max(state.policy.until_order(now)) {
            return Order::Later(wait);
        }
        state.policy.order(now);
        self.keeper
            .begin(state, Cause::Ordered, S::Demand::default(), now);
        Order::Begun
    }

    /// Why the last fetch failed, where it did.
    pub fn last_error(&self) -> Option<S::Error> {
        self.keeper.state.lock().last_error.clone()
    }

    /// What to use where this one, the current one, was refused before: the one that replaces it, or
    /// itself where none comes soon. It is still worth a try then, and elsewhere it may be taken all
    /// along: nobody else waits.
    pub async fn instead_of(&self, item: Arc<S::Item>, now: UnixTime) -> Arc<S::Item> {
        if let Some(in_flight) = self.replacement_of(&item, now) {
            let fresh = tokio::time::timeout(LONGEST_WAIT, in_flight.outcome()).await;
            return fresh.ok().and_then(Result::ok).unwrap_or(item);
        }
        // It may have come since the caller looked.
        self.good(now).map_or(item, |(kept, _)| kept)
    }

    /// Takes note that this one was refused: has a fresh one fetched that is as `demand` says, unless it
    /// has been replaced already, or that was tried a short while ago. A side that refuses every one must
    /// not make a storm.
    pub fn refused(&self, item: &Arc<S::Item>, demand: S::Demand, now: UnixTime) -> Replacing<S> {
        let mut state = self.keeper.state.lock();
        // Of many that were refused the first has it replaced; the others come when that is done.
        if let Some((kept, _)) = self.good(now)
            && !Arc::ptr_eq(&kept, item)
        {
            return Replacing::Done(kept);
        }
        if let Some(in_flight) = &state.in_flight {
            return Replacing::Coming(Coming(in_flight.clone()));
        }
        if let Some(refusal) = state.refusal(now) {
            return Replacing::Unavailable(refusal);
        }
        if !state.policy.may_replace(now) {
            return Replacing::TooSoon;
        }
        state.policy.replace(now);
        Replacing::Begun(Coming(self.keeper.begin(
            state,
            Cause::Refused,
            demand,
            now,
        )))
    }

    /// The one at hand, good or not.
    pub fn kept(&self) -> Option<Arc<S::Item>> {
        let kept = self.keeper.kept.load();
        kept.as_ref().map(|kept| Arc::clone(&kept.item))
    }

    pub fn status(&self) -> Status {
        self.keeper.status(UnixTime::now())
    }

    /// The one at hand, if it is good, and whether it is stale.
    fn good(&self, now: UnixTime) -> Option<(Arc<S::Item>, bool)> {
        self.keeper.good(now, |kept| {
            kept.marks.used.set();
            (Arc::clone(&kept.item), now >= kept.life.stale_at)
        })
    }

    /// The fetch that replaces this one, where it began a moment ago.
    fn replacement_of(&self, item: &Arc<S::Item>, now: UnixTime) -> Option<InFlightOf<S>> {
        let state = self.keeper.state.lock();
        let kept = self.keeper.kept.load();
        let is_kept = Arc::ptr_eq(&kept.as_ref()?.item, item);
        let replaced = state.policy.replaced()?;
        (is_kept && now <= replaced.plus(LONGEST_WAIT)).then(|| state.in_flight.clone())?
    }

    /// Joins the fetch in flight, or begins one where that is allowed.
    fn join(&self, now: UnixTime) -> Result<Joined<S>, Unavailable<S::Error>> {
        let mut state = self.keeper.state.lock();
        if let Some(in_flight) = &state.in_flight {
            return Ok(Joined::InFlight(in_flight.clone()));
        }
        // One may have ended since the caller looked.
        if let Some((item, _)) = self.good(now) {
            return Ok(Joined::Good(item));
        }
        match state.refusal(now) {
            Some(_) if self.source().looks_elsewhere() && state.policy.may_look(now) => {
                let demand = S::Demand::default();
                let looking = self.keeper.begin(state, Cause::Elsewhere, demand, now);
                Ok(Joined::InFlight(looking))
            }
            Some(refusal) => Err(refusal),
            None => {
                let demand = S::Demand::default();
                let in_flight = self.keeper.begin(state, Cause::Due, demand, now);
                Ok(Joined::InFlight(in_flight))
            }
        }
    }

    fn renew(&self, now: UnixTime) {
        // Whoever holds the lock is deciding the same.
        if let Some(state) = self.keeper.state.try_lock()
            && state.in_flight.is_none()
            && self.keeper.due(&state, now).is_some_and(|due| due <= now)
        {
            self.keeper
                .begin(state, Cause::Due, S::Demand::default(), now);
        }
    }
}

/// What becomes of one that was refused.
pub enum Replacing<S: Source> {
    /// It has been replaced, by this one.
    Done(Arc<S::Item>),
    /// Its replacement is on its way, for this caller,
    Begun(Coming<S>),
    /// or for others.
    Coming(Coming<S>),
    /// It replaced another a short while ago.
    TooSoon,
    /// None can be had for the moment.
    Unavailable(Unavailable<S::Error>),
}

/// Where to wait for it.
pub struct Coming<S: Source>(InFlightOf<S>);

impl<S: Source> Coming<S> {
    pub async fn outcome(self) -> Result<Arc<S::Item>, Unavailable<S::Error>> {
        self.0.outcome().await
    }
}
/// What comes of an order for a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Begun,
    /// One is on its way already.
    UnderWay,
    /// So long none is asked for: the last attempt failed, or the last order was a moment ago.
    Later(Duration),
}

type Locked<'k, S> = parking_lot::MutexGuard<'k, State<S, Renewal>>;

/// What a caller without a good one comes to.
enum Joined<S: Source> {
    /// One after all.
    Good(Arc<S::Item>),
    InFlight(InFlightOf<S>),
}

#[cfg(test)]
#[path = "before_expiry_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "before_expiry_orders_tests.rs"]
mod orders_tests;
