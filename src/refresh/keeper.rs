//! The mechanism: what is kept, the one fetch in flight, the backoff after it, the timer for the
//! next. Good is never replaced by what failed. When to fetch is a policy's, of which there are two.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use tokio::task::AbortHandle;

use super::backoff::{Backoff, Ended, chance, jitter};
use super::in_flight::{Fetch, Fetched, InFlight};
use super::policy::{Kept, Life, Policy};
use super::source::{Cause, Errand, Failure as _, Mishap, Outcome, Source, Unavailable};
use crate::clock::UnixTime;

/// Shorter waits would make a loop of the timer.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

pub(super) type InFlightOf<S> = InFlight<<S as Source>::Item, <S as Source>::Error>;

pub(super) struct Keeper<S: Source, P: Policy<S::Item>> {
    pub(super) source: S,
    /// What requests read, without a lock.
    pub(super) kept: ArcSwapOption<Kept<S::Item, P::Marks>>,
    pub(super) state: Mutex<State<S, P>>,
}

/// Everything that changes but the item.
pub(super) struct State<S: Source, P> {
    pub(super) policy: P,
    pub(super) in_flight: Option<InFlightOf<S>>,
    /// After the last fetch.
    pub(super) backoff: Option<Backoff>,
    pub(super) last_error: Option<S::Error>,
    timer: Option<AbortHandle>,
    fetches: u64,
    failures: u64,
    /// How long the last fetch took.
    took: Option<Duration>,
}

impl<S: Source, P: Policy<S::Item>> State<S, P> {
    /// What a caller is told who comes between a failure and the next fetch.
    pub(super) fn refusal(&self, now: UnixTime) -> Option<Unavailable<S::Error>> {
        Some(Unavailable {
            cause: self.last_error.clone()?,
            retry_after: self.backoff?.left(now)?.max(SHORTEST_WAIT),
            is_backoff: true,
        })
    }

    /// The same for whoever has looked elsewhere in vain, which may have taken until its end.
    fn still_refused(&self, why: S::Error, now: UnixTime) -> Unavailable<S::Error> {
        self.refusal(now).unwrap_or_else(|| Unavailable {
            cause: self.last_error.clone().unwrap_or(why),
            retry_after: SHORTEST_WAIT,
            is_backoff: true,
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When what is kept was fetched.
    pub fetched_at: Option<UnixTime>,
    pub fetches: u64,
    pub failures: u64,
    /// How long the last fetch took.
    pub took: Option<Duration>,
    /// One is on its way now.
    pub is_under_way: bool,
    /// Why the last one failed, where it did.
    pub last_error: Option<String>,
    /// When the next one is due, or may be: at no time where nobody wants it.
    pub next_at: Option<UnixTime>,
}

impl<S: Source, P: Policy<S::Item>> Keeper<S, P> {
    /// Keeps nothing yet, and fetches nothing until asked.
    pub(super) fn new(source: S, policy: P) -> Arc<Self> {
        Arc::new(Self {
            source,
            kept: ArcSwapOption::empty(),
            state: Mutex::new(State {
                policy,
                in_flight: None,
                backoff: None,
                last_error: None,
                timer: None,
                fetches: 0,
                failures: 0,
                took: None,
            }),
        })
    }

    pub(super) fn status(&self, now: UnixTime) -> Status {
        let state = self.state.lock();
        let failure = state.backoff.filter(|backoff| backoff.failed);
        let may_ask = failure.map(|backoff| backoff.until);
        Status {
            next_at: self.due(&state, now).or(may_ask),
            fetched_at: self.kept.load().as_ref().map(|kept| kept.fetched_at),
            fetches: state.fetches,
            failures: state.failures,
            took: state.took,
            is_under_way: state.in_flight.is_some(),
            last_error: state.last_error.as_ref().map(ToString::to_string),
        }
    }

    /// What the timer does that was set for `then`: a clock that was set back meanwhile delays nothing.
    pub(super) fn ring(self: &Arc<Self>, then: UnixTime, now: UnixTime) {
        let mut state = self.state.lock();
        if state.in_flight.is_some() {
            return;
        }
        match self.due(&state, now.max(then)) {
            Some(due) if due <= now.max(then) => {
                self.begin(state, Cause::Due, S::Demand::default(), now);
            }
            Some(due) => self.set_timer(&mut state, now, due),
            None => {}
        }
    }

    /// Looks at what is good now. One load, no lock.
    pub(super) fn good<R>(
        &self,
        now: UnixTime,
        look: impl FnOnce(&Kept<S::Item, P::Marks>) -> R,
    ) -> Option<R> {
        let kept = self.kept.load();
        kept.as_ref()
            .filter(|kept| kept.is_good(now))
            .map(|kept| look(kept))
    }

    /// When the next fetch is due by the clock.
    pub(super) fn due(&self, state: &State<S, P>, now: UnixTime) -> Option<UnixTime> {
        let kept = self.kept.load();
        state
            .policy
            .due(kept.as_deref(), state.backoff.as_ref(), now)
    }

    /// Begins a fetch; there must be none in flight.
    pub(super) fn begin(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State<S, P>>,
        cause: Cause,
        demand: S::Demand,
        now: UnixTime,
    ) -> InFlightOf<S> {
        let (keeper, asked) = (Arc::clone(self), Arc::clone(self));
        let clock = Instant::now();
        let end = move |outcome, ended| {
            keeper.state.lock().took = Some(clock.elapsed());
            keeper.end((now, cause), outcome, ended)
        };
        let (fetch, in_flight) = Fetch::new(now, Box::new(end));
        state.in_flight = Some(in_flight.clone());
        let kept = self.kept.load();
        let kept = kept.as_ref().map(|kept| Arc::clone(&kept.item));
        let errand = Errand { now, kept, cause };
        // A runtime that is going down drops a task, and so ends it, while it is being spawned.
        drop(state);
        fetch.spawn(async move { asked.source.fetch(demand, &errand).await });
        in_flight
    }

    /// Takes in what a fetch brought.
    pub(super) fn end(
        self: &Arc<Self>,
        (begun, cause): (UnixTime, Cause),
        outcome: Result<S::Item, S::Error>,
        now: UnixTime,
    ) -> Fetched<S::Item, S::Error> {
        let mut state = self.state.lock();
        state.in_flight = None;
        let outcome = match outcome {
            // Nobody was asked, so that nothing is known that was not.
            Err(why) if cause == Cause::Elsewhere => return Err(state.still_refused(why, now)),
            outcome => outcome,
        };
        // What expired on its way is of no use, and asking again at once would not end.
        let outcome = outcome.and_then(|item| {
            let life = state.policy.life(&item, now, chance());
            match now <= life.expires_at {
                true => Ok((item, life)),
                false => Err(Mishap::Expired.into()),
            }
        });
        let kept = self.kept.load();
        let good = kept.as_ref().filter(|kept| kept.is_good(now));
        let kept_until = good.map(|kept| kept.life.expires_at);
        let asked = outcome.as_ref().err().and_then(S::Error::retry_after);
        let ended = Ended {
            begun,
            now,
            failed: outcome.is_err(),
            asked: asked.unwrap_or_default(),
            left: kept_until.map_or(Duration::ZERO, |until| now.until(until)),
        };
        let backoff = Backoff::after(&ended, state.policy.ended(&ended));
        state.backoff = Some(backoff);
        let outcome = match outcome {
            Ok((item, life)) => {
                state.fetches += 1;
                state.last_error = None;
                Ok(self.keep(item, life, now))
            }
            Err(cause) => {
                state.failures += 1;
                state.last_error = Some(cause.clone());
                let retry_after = backoff.left(now).unwrap_or_default();
                Err(Unavailable {
                    cause,
                    retry_after: retry_after.max(SHORTEST_WAIT),
                    is_backoff: false,
                })
            }
        };
        if let Some(due) = self.due(&state, now) {
            self.set_timer(&mut state, now, due);
        }
        drop(state);
        self.source.tell(match &outcome {
            Ok((item, changed)) => Outcome::Fetched {
                item: &**item,
                changed: *changed,
            },
            Err(why) => Outcome::Failed {
                error: &why.cause,
                kept_until,
                again_in: why.retry_after,
            },
        });
        outcome.map(|(item, _)| item)
    }

    /// Puts an item in place, and says whether it differs. Called with the state locked.
    fn keep(&self, item: S::Item, life: Life, now: UnixTime) -> (Arc<S::Item>, bool) {
        let old = self.kept.load();
        let same = old.as_ref().filter(|old| P::is_same(&old.item, &item));
        let changed = same.is_none();
        let (item, generation, marks) = match same {
            Some(old) => (
                Arc::clone(&old.item),
                old.generation,
                Arc::clone(&old.marks),
            ),
            None => (
                Arc::new(item),
                old.as_ref().map_or(0, |old| old.generation + 1),
                Arc::new(P::marks(old.as_ref().map(|old| &old.item))),
            ),
        };
        self.kept.store(Some(Arc::new(Kept {
            item: Arc::clone(&item),
            fetched_at: now,
            life,
            generation,
            marks,
        })));
        (item, changed)
    }

    /// Looks again at `then`; one timer at a time.
    fn set_timer(self: &Arc<Self>, state: &mut State<S, P>, now: UnixTime, then: UnixTime) {
        if let Some(earlier) = state.timer.take() {
            earlier.abort();
        }
        // A fetch may end while its runtime is going down.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let retry = state.backoff.filter(|backoff| backoff.failed);
        let most = retry.map_or(Duration::ZERO, |backoff| backoff.length / 4);
        let wait = now.until(then).max(SHORTEST_WAIT);
        let wait = wait.saturating_add(jitter(most, chance()));
        let keeper: Weak<Self> = Arc::downgrade(self);
        let timer = runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(keeper) = keeper.upgrade() {
                keeper.ring(then, UnixTime::now());
            }
        });
        state.timer = Some(timer.abort_handle());
    }
}

impl<S: Source, P: Policy<S::Item>> Drop for Keeper<S, P> {
    fn drop(&mut self) {
        if let Some(timer) = self.state.get_mut().timer.take() {
            timer.abort();
        }
    }
}
