//! What does a key have, and until when? An item or a refusal, and what it takes up of the room there is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::{Lifecycle, Weighter};

use super::KeyedSource;
use super::state::SHORTEST_WAIT;
use crate::clock::UnixTime;
use crate::refresh::Unavailable;
use crate::refresh::in_flight::Fetched;
use crate::refresh::renewal::LEAST_BETWEEN_REPLACEMENTS;

/// What a failure that is remembered weighs.
const WEIGHT_OF_A_FAILURE: u32 = 1024;

/// What one key has, and until when.
pub(super) struct Kept<S: KeyedSource> {
    pub(super) what: Result<Arc<S::Item>, S::Error>,
    pub(super) stale_at: UnixTime,
    /// The last second of it.
    pub(super) until: UnixTime,
    /// When one that was refused by others was replaced by this.
    pub(super) replaced: Option<UnixTime>,
    pub(super) weight: u32,
}

impl<S: KeyedSource> Kept<S> {
    pub(super) fn failure(cause: S::Error, until: UnixTime) -> Self {
        Self {
            what: Err(cause),
            stale_at: until,
            until,
            replaced: None,
            weight: WEIGHT_OF_A_FAILURE,
        }
    }

    pub(super) fn answer(self, now: UnixTime) -> Fetched<S::Item, S::Error> {
        self.what.map_err(|cause| Unavailable {
            cause,
            retry_after: now.until(self.until).max(SHORTEST_WAIT),
            is_backoff: true,
        })
    }

    pub(super) fn is(&self, item: &Arc<S::Item>) -> bool {
        self.what.as_ref().is_ok_and(|kept| Arc::ptr_eq(kept, item))
    }

    pub(super) fn may_be_replaced(&self, now: UnixTime) -> bool {
        self.replaced
            .is_none_or(|last| now >= last.plus(LEAST_BETWEEN_REPLACEMENTS))
    }
}

impl<S: KeyedSource> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Self {
            what: self.what.clone(),
            ..*self
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ByWeight;

impl<S: KeyedSource> Weighter<S::Key, Kept<S>> for ByWeight {
    fn weight(&self, _: &S::Key, kept: &Kept<S>) -> u64 {
        u64::from(kept.weight)
    }
}

/// Counts what had to make room.
#[derive(Clone, Debug, Default)]
pub(super) struct Forgotten(pub(super) Arc<AtomicU64>);

impl<K, V> Lifecycle<K, V> for Forgotten {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: K, _: V) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
