//! Where does a request go, and where next? It is with one endpoint at a time, from when that is
//! picked to the end of its answer, and counts there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;

use super::retries::Budget;
use super::{Endpoint, Upstream};

/// A request with an upstream; dropped, it is over.
pub struct Visit {
    upstream: Arc<Upstream>,
    place: usize,
    /// Bit by bit, the places where it has been.
    been: u64,
    /// The endpoint that it is with has been found well, or not.
    is_judged: AtomicBool,
}

/// As many requests are with the upstream as may be: `upstream.limits.requests`.
#[derive(Debug, thiserror::Error)]
#[error("{0} requests are with the upstream already (`upstream.limits.requests`)")]
pub struct Crowded(usize);

impl Visit {
    pub fn begin(upstream: &Arc<Upstream>) -> Result<Self, Crowded> {
        if let Some(most) = upstream.definition().most_requests {
            let more = |now: usize| (now < most).then_some(now + 1);
            let counted = &upstream.requests;
            let entered = counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            entered.map_err(|_| Crowded(most))?;
        }
        if let (Some(budget), Some(retries)) = (&upstream.budget, &upstream.definition().retries) {
            budget.save(retries.percent);
        }
        let place = upstream.pick(0).unwrap_or_default();
        let visit = Self {
            upstream: Arc::clone(upstream),
            place,
            been: bit(place),
            is_judged: AtomicBool::new(false),
        };
        visit.count();
        Ok(visit)
    }

    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub fn endpoint(&self) -> &Arc<Endpoint> {
        self.upstream.at(self.place)
    }

    /// Whether it might have gone elsewhere.
    pub fn had_a_choice(&self) -> bool {
        self.upstream.has_several()
    }

    /// Goes on to an endpoint where it has not been; false where there is none.
    pub fn move_on(&mut self) -> bool {
        let Some(place) = self.upstream.pick(self.been) else {
            return false;
        };
        self.leave();
        self.place = place;
        self.been |= bit(place);
        self.count();
        true
    }

    /// How often the request may be repeated, where its method may be.
    pub fn repetitions(&self) -> u32 {
        let retries = self.upstream.definition().retries.as_ref();
        retries.map_or(0, |retries| retries.most)
    }

    /// The endpoint answered. Says whether that is a failure all the same.
    pub fn heard(&self, status: StatusCode) -> bool {
        let retries = self.upstream.definition().retries.as_ref();
        let has_failed = retries.is_some_and(|it| it.statuses.contains(&status.as_u16()));
        if has_failed {
            self.failed(&format_args!("it answered {}", status.as_u16()));
        } else if self.had_a_choice() {
            self.is_judged.store(true, Ordering::Relaxed);
            self.endpoint().succeeded();
        }
        has_failed
    }

    /// The endpoint did not answer as it should.
    pub fn failed(&self, why: &dyn std::fmt::Display) {
        if self.had_a_choice() {
            self.is_judged.store(true, Ordering::Relaxed);
            self.endpoint().failed(why);
        }
    }

    /// Whether one that failed may be repeated, as far as the upstream's budget goes; then it is
    /// spent.
    pub fn may_repeat(&self) -> bool {
        self.upstream.budget.as_ref().is_some_and(Budget::spend)
    }

    fn count(&self) {
        if self.had_a_choice() {
            let requests = &self.endpoint().requests;
            requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn leave(&self) {
        if self.had_a_choice() {
            let requests = &self.endpoint().requests;
            requests.fetch_sub(1, Ordering::Relaxed);
            if !self.is_judged.swap(false, Ordering::Relaxed) {
                self.endpoint().undecided();
            }
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.leave();
        if self.upstream.definition().most_requests.is_some() {
            self.upstream.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A place among at most 64.
pub(super) fn bit(place: usize) -> u64 {
    u32::try_from(place)
        .ok()
        .and_then(|place| 1_u64.checked_shl(place))
        .unwrap_or_default()
}
