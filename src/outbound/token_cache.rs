//! One identity's tokens for one scope: one flight at a time as a task of its own, renewed early in
//! the background, the old token served while it is valid. What the upstream refuses is replaced,
//! once in a while. What to do when is `schedule`'s.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use super::flight::{Flight, Landing};
use super::held::Held;
use super::schedule::{Freshness, Pause, Renewal, may_replace};
use super::{AccessToken, AcquireError, TokenSource, TokenTimes};
use crate::clock::UnixTime;
use crate::entra::EntraError;

/// How long a request waits for a token that replaces a refused one.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The tokens of one (tenant, identity, scope, credential).
pub struct AppTokens {
    source: Box<dyn Acquire>,
    identity: Arc<str>,
    scope: String,
    times: TokenTimes,
    /// What requests read, without a lock.
    held: ArcSwapOption<Held>,
    state: Mutex<State>,
}

/// Everything that changes but the token.
#[derive(Default)]
struct State {
    flight: Option<Landing>,
    pause: Option<Pause>,
    replaced: Option<UnixTime>,
    alarm: Option<AbortHandle>,
    fetches: u64,
    failures: u64,
    last_error: Option<String>,
}

/// Where tokens come from; a fake in tests.
#[async_trait]
trait Acquire: Send + Sync {
    async fn acquire(&self, scope: &str, now: UnixTime) -> Result<AccessToken, AcquireError>;
}

#[async_trait]
impl Acquire for TokenSource {
    async fn acquire(&self, scope: &str, now: UnixTime) -> Result<AccessToken, AcquireError> {
        TokenSource::acquire(self, scope, now).await
    }
}

impl AppTokens {
    /// A cache over this source. Acquires nothing until asked.
    pub fn new(source: TokenSource, scope: String) -> Arc<Self> {
        let identity = Arc::clone(&source.identity().name);
        let times = source.identity().tokens;
        Self::over(Box::new(source), identity, scope, times)
    }

    fn over(
        source: Box<dyn Acquire>,
        identity: Arc<str>,
        scope: String,
        times: TokenTimes,
    ) -> Arc<Self> {
        Arc::new(Self {
            source,
            identity,
            scope,
            times,
            held: ArcSwapOption::empty(),
            state: Mutex::default(),
        })
    }

    /// The name of the identity.
    pub fn identity(&self) -> &Arc<str> {
        &self.identity
    }

    /// The scope.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The token to send now; waits for a flight only where there is none that is valid.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn token(self: &Arc<Self>, now: UnixTime) -> Result<Arc<AccessToken>, AcquireError> {
        if let Some((token, freshness)) = self.valid(now) {
            if let Some(landing) = self.replacement() {
                // Where no fresh one comes soon, the old one is still worth a try: another upstream,
                // or another path of the same, may take it.
                let fresh = tokio::time::timeout(LONGEST_WAIT, landing.outcome()).await;
                return Ok(fresh.ok().and_then(Result::ok).unwrap_or(token));
            }
            if freshness == Freshness::Ageing {
                self.renew(now);
            }
            return Ok(token);
        }
        let outcome = match self.board(now)? {
            Boarding::Landed(token) => Ok(token),
            Boarding::Wait(landing) => landing.outcome().await,
        };
        if let Some(held) = self.held.load().as_deref() {
            held.use_it();
        }
        outcome
    }

    /// Takes note that an upstream answered 401 to this token: asks for a fresh one, unless it has
    /// been replaced already, or that was tried a short while ago. Access may have been granted
    /// or taken since it was issued; but an upstream that refuses every token must not make a storm.
    pub fn refused(self: &Arc<Self>, token: &Arc<AccessToken>, now: UnixTime) {
        let mut state = self.state.lock();
        let held = self.held.load();
        let Some(held) = held
            .as_deref()
            .filter(|held| Arc::ptr_eq(&held.token, token))
        else {
            return;
        };
        if state.flight.is_some()
            || !may_replace(state.replaced, self.times, now)
            || state
                .pause
                .as_ref()
                .is_some_and(|pause| pause.refusal(now).is_some())
        {
            return;
        }
        state.replaced = Some(now);
        held.refuse();
        let (flight, _) = self.flight(&mut state, now);
        drop(state);
        tracing::warn!(
            identity = &*self.identity,
            scope = self.scope.as_str(),
            "the upstream refuses the token; a fresh one is asked for"
        );
        flight.depart();
    }

    /// The flight that replaces a token that was refused.
    fn replacement(&self) -> Option<Landing> {
        let refused = self.held.load().as_deref()?.is_refused();
        if refused {
            self.state.lock().flight.clone()
        } else {
            None
        }
    }

    /// How it is.
    pub fn status(&self) -> TokenStatus {
        let held = self.held.load();
        let state = self.state.lock();
        TokenStatus {
            acquired_at: held.as_ref().map(|held| held.since),
            expires_at: held.as_ref().map(|held| held.token.expires_at),
            fetches: state.fetches,
            failures: state.failures,
            last_error: state.last_error.clone(),
        }
    }

    /// The token in hand, if it may be sent.
    fn valid(&self, now: UnixTime) -> Option<(Arc<AccessToken>, Freshness)> {
        let held = self.held.load();
        let held = held.as_deref()?;
        let freshness = Freshness::of(&held.token, now);
        if freshness == Freshness::Spent {
            return None;
        }
        held.use_it();
        Some((Arc::clone(&held.token), freshness))
    }

    /// Joins the flight under way, or starts one where that is allowed.
    fn board(self: &Arc<Self>, now: UnixTime) -> Result<Boarding, AcquireError> {
        let mut state = self.state.lock();
        if let Some(flight) = &state.flight {
            return Ok(Boarding::Wait(flight.clone()));
        }
        // One may have landed since the caller looked.
        if let Some((token, _)) = self.valid(now) {
            return Ok(Boarding::Landed(token));
        }
        if let Some(refusal) = state.pause.as_ref().and_then(|pause| pause.refusal(now)) {
            return Err(refusal);
        }
        let (flight, landing) = self.flight(&mut state, now);
        drop(state);
        flight.depart();
        Ok(Boarding::Wait(landing))
    }

    /// Starts a flight in the background if the schedule says so.
    fn renew(self: &Arc<Self>, now: UnixTime) {
        // Whoever holds the lock is deciding the same.
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        if state.flight.is_none() && self.renewal(&state, now) == Renewal::Now {
            let (flight, _) = self.flight(&mut state, now);
            drop(state);
            flight.depart();
        }
    }

    /// What the alarm does: renews though no request comes just then, or sets itself again.
    fn ring(self: &Arc<Self>, now: UnixTime) {
        let mut state = self.state.lock();
        if state.flight.is_some() {
            return;
        }
        match self.renewal(&state, now) {
            Renewal::Now => {
                let (flight, _) = self.flight(&mut state, now);
                drop(state);
                flight.depart();
            }
            Renewal::At(then) => self.set_alarm(&mut state, now.until(then)),
            Renewal::Rest => {}
        }
    }

    fn renewal(&self, state: &State, now: UnixTime) -> Renewal {
        let held = self.held.load();
        let token = held.as_ref().map(|held| &*held.token);
        let used = held.as_ref().is_some_and(|held| held.is_used());
        Renewal::of(token, used, state.pause.as_ref(), now)
    }

    /// A flight, entered in the state and ready to depart once the state is unlocked: a runtime
    /// that is going down drops a task, and so lands it, while it is being spawned.
    fn flight(self: &Arc<Self>, state: &mut State, now: UnixTime) -> (Flight, Landing) {
        let (flight, landing) = Flight::new(Arc::clone(self), now);
        state.flight = Some(landing.clone());
        (flight, landing)
    }

    /// Asks for a token, for a flight.
    pub(super) async fn acquire(&self, now: UnixTime) -> Result<AccessToken, AcquireError> {
        self.source.acquire(&self.scope, now).await
    }

    /// Takes in what a flight brought.
    pub(super) fn land(
        self: &Arc<Self>,
        outcome: Result<AccessToken, AcquireError>,
        now: UnixTime,
    ) -> Result<Arc<AccessToken>, AcquireError> {
        // A token that ended on its way is of no use, and asking again at once would not end.
        let outcome = outcome.and_then(|token| match Freshness::of(&token, now) {
            Freshness::Spent => {
                let why = "the token that came has ended already".to_owned();
                Err(EntraError::Unavailable(why).into())
            }
            _ => Ok(Arc::new(token)),
        });
        let mut state = self.state.lock();
        state.flight = None;
        let left = self
            .valid_until(now)
            .map_or(Duration::ZERO, |until| now.until(until));
        let failure = outcome.as_ref().err().cloned();
        state.pause = Some(Pause::after(failure, self.times, left, now));
        match &outcome {
            Ok(token) => {
                state.fetches += 1;
                state.last_error = None;
                self.held
                    .store(Some(Arc::new(Held::new(Arc::clone(token), now))));
            }
            Err(error) => {
                state.failures += 1;
                state.last_error = Some(error.to_string());
            }
        }
        if let Renewal::At(then) = self.renewal(&state, now) {
            self.set_alarm(&mut state, now.until(then));
        }
        drop(state);
        self.tell(&outcome, now);
        outcome
    }

    /// Rings after `wait`; one alarm at a time.
    fn set_alarm(self: &Arc<Self>, state: &mut State, wait: Duration) {
        if let Some(earlier) = state.alarm.take() {
            earlier.abort();
        }
        // A flight may land while its runtime is going down.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let tokens: Weak<Self> = Arc::downgrade(self);
        let alarm = runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(tokens) = tokens.upgrade() {
                tokens.ring(UnixTime::now());
            }
        });
        state.alarm = Some(alarm.abort_handle());
    }

    fn tell(&self, outcome: &Result<Arc<AccessToken>, AcquireError>, now: UnixTime) {
        let (identity, scope) = (&*self.identity, self.scope.as_str());
        match outcome {
            Ok(token) => {
                tracing::info!(identity, scope, expires_at = %token.expires_at, "token acquired");
            }
            Err(error) => {
                let reason = error.reason().word();
                match self.valid_until(now) {
                    Some(until) => tracing::warn!(
                        identity, scope, reason, %error, %until,
                        "token not renewed; the one in hand is still served"
                    ),
                    None => tracing::error!(identity, scope, reason, %error, "no token"),
                }
            }
        }
    }

    fn valid_until(&self, now: UnixTime) -> Option<UnixTime> {
        let held = self.held.load();
        let token = &held.as_deref()?.token;
        (Freshness::of(token, now) != Freshness::Spent).then_some(token.expires_at)
    }
}

impl Drop for AppTokens {
    fn drop(&mut self) {
        if let Some(alarm) = self.state.get_mut().alarm.take() {
            alarm.abort();
        }
    }
}

impl fmt::Debug for AppTokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AppTokens")
            .field("identity", &self.identity)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// What a caller without a token comes to.
enum Boarding {
    /// A token after all.
    Landed(Arc<AccessToken>),
    /// A flight to wait for.
    Wait(Landing),
}

/// For `/metrics` and the log.
#[derive(Clone, Debug, Default)]
pub struct TokenStatus {
    /// When the token in hand was acquired.
    pub acquired_at: Option<UnixTime>,
    /// When the token in hand ends.
    pub expires_at: Option<UnixTime>,
    /// Acquisitions that succeeded.
    pub fetches: u64,
    /// Acquisitions that failed.
    pub failures: u64,
    /// Why the last one failed, where it did.
    pub last_error: Option<String>,
}

#[cfg(test)]
#[path = "token_cache_tests.rs"]
mod tests;
