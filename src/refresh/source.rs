//! Where do fresh ones come from, and why does one not come? What a room that keeps something fresh
//! says of it, and what its callers are told.

use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixTime;

pub trait Source: Send + Sync + 'static {
    type Item: Send + Sync + 'static;
    type Error: Failure;
    /// What one must be beyond a good one; by default nothing.
    type Demand: Default + Send + 'static;

    /// Fetches one, in bounded time.
    fn fetch(
        &self,
        demand: Self::Demand,
        errand: &Errand<Self::Item>,
    ) -> impl Future<Output = Result<Self::Item, Self::Error>> + Send;

    /// Whether others may have one while none may be made here.
    fn looks_elsewhere(&self) -> bool {
        false
    }

    /// Tells the log how a fetch ended.
    fn tell(&self, outcome: Outcome<'_, Self::Item, Self::Error>);
}

/// What a fetch is to bring.
#[derive(Debug)]
pub struct Errand<T> {
    /// When it begins.
    pub now: UnixTime,
    /// The one at hand, good or not.
    pub kept: Option<Arc<T>>,
    pub cause: Cause,
}

/// Why something is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is none that is good, or its time has come.
    Due,
    /// Others refuse the one at hand.
    Refused,
    /// Somebody says so: nothing but one that is made now will do.
    Ordered,
    /// None may be made for the moment, but others may have one: it is looked for, and nothing else.
    Elsewhere,
}

/// Why a fetch failed. `Display` is safe to log.
pub trait Failure: Clone + Display + From<Mishap> + Send + Sync + 'static {
    /// How long the other side asks to be left alone.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// What can happen to any fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It panicked, or the runtime ends.
    BrokenOff,
    /// What came had expired on its way.
    Expired,
}

#[derive(Debug)]
pub enum Outcome<'a, T, E> {
    Fetched {
        item: &'a T,
        /// Whether it differs from the one before.
        changed: bool,
    },
    Failed {
        error: &'a E,
        /// When the one that is kept expires, where there is one.
        kept_until: Option<UnixTime>,
        /// Until the next attempt may begin.
        again_in: Duration,
    },
}

/// Why there is none, and when that may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable<E> {
    /// Of the last fetch.
    pub cause: E,
    /// Until the next fetch may begin; a second at least.
    pub retry_after: Duration,
    /// Whether this caller came too early for a fetch of its own.
    pub is_backoff: bool,
}

impl<E: Display> Display for Unavailable<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_backoff {
            out.write_str("waiting before the next attempt; the last one failed: ")?;
        }
        self.cause.fmt(out)
    }
}

impl<E: Debug + Display> std::error::Error for Unavailable<E> {}
