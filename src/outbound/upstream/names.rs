//! Which addresses does a host name have now? One answer for each name, whoever goes there: asked
//! for off the request path, and kept fresh until nobody goes there any more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::lookups::{Lookup, Lookups, by_the_system};
use crate::refresh::{chance, jitter};

/// All names that upstreams go to. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Names {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    lookups: Lookups,
    pauses: Pauses,
    known: Mutex<HashMap<Arc<str>, Weak<Name>>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    /// The longest between two resolutions of a name.
    pub(super) refresh: Duration,
    /// After the first resolution that failed; twice as long after each further one, up to `refresh`.
    pub(super) retry: Duration,
}

pub(super) const PAUSES: Pauses = Pauses {
    refresh: Duration::from_secs(30),
    retry: Duration::from_secs(2),
};

/// A name that somebody goes to. Dropping the last one ends its background task.
#[derive(Debug)]
pub(super) struct Name {
    answer: Arc<Answer>,
    asking: AbortHandle,
    names: Arc<Shared>,
}

#[derive(Debug)]
struct Answer {
    host: Arc<str>,
    /// Ports 0.
    addresses: ArcSwap<Vec<SocketAddr>>,
    /// Whether there was an answer, good or bad, to the first question.
    asked: AtomicBool,
    was_asked: Notify,
    /// Somebody came in vain.
    wanted: Notify,
}

impl Names {
    pub(super) fn new() -> Self {
        Self::by(Arc::new(by_the_system), PAUSES)
    }

    pub(super) fn by(lookup: Arc<Lookup>, pauses: Pauses) -> Self {
        Self {
            shared: Arc::new(Shared {
                lookups: Lookups::by(lookup),
                pauses,
                known: Mutex::default(),
            }),
        }
    }

    /// The one of this name. Needs a tokio runtime.
    pub(super) fn of(&self, host: &str) -> Arc<Name> {
        let mut known = self.shared.known.lock();
        if let Some(same) = known.get(host).and_then(Weak::upgrade) {
            return same;
        }
        let answer = Arc::new(Answer {
            host: host.into(),
            addresses: ArcSwap::default(),
            asked: AtomicBool::new(false),
            was_asked: Notify::new(),
            wanted: Notify::new(),
        });
        let asking = keep_resolved(Arc::clone(&answer), Arc::clone(&self.shared));
        let name = Arc::new(Name {
            asking: tokio::spawn(asking).abort_handle(),
            names: Arc::clone(&self.shared),
            answer,
        });
        known.insert(Arc::clone(&name.answer.host), Arc::downgrade(&name));
        name
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Name {
    /// The addresses, ports 0; none: it was not resolved so far.
    pub(super) fn addresses(&self) -> Guard<Arc<Vec<SocketAddr>>> {
        self.answer.addresses.load()
    }

    /// Waits for the first resolution, `most` at most.
    pub(super) async fn asked(&self, most: Duration) {
        if !self.answer.asked.load(Ordering::Acquire) {
            let _ = timeout(most, self.answer.first()).await;
        }
    }

    /// Somebody comes in vain: it is asked for sooner.
    pub(super) fn want(&self) {
        self.answer.wanted.notify_one();
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.asking.abort();
        let mut known = self.names.known.lock();
        // Another one of this name may have taken the place already.
        if let Entry::Occupied(place) = known.entry(Arc::clone(&self.answer.host))
            && place.get().strong_count() == 0
        {
            place.remove();
        }
    }
}

impl Answer {
    async fn first(&self) {
        let told = self.was_asked.notified();
        tokio::pin!(told);
        // Listening before looking: the answer may come between the two.
        told.as_mut().enable();
        if !self.asked.load(Ordering::Acquire) {
            told.await;
        }
    }

    /// Takes over new addresses; a failure never replaces good ones.
    fn adopt(&self, found: &mut io::Result<Vec<SocketAddr>>) {
        if let Ok(found) = found {
            found.sort_unstable();
            found.dedup();
            if **self.addresses.load() != *found {
                self.addresses.store(Arc::new(std::mem::take(found)));
            }
        }
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.was_asked.notify_waiters();
        }
    }
}

async fn keep_resolved(answer: Arc<Answer>, shared: Arc<Shared>) {
    let Pauses { refresh, retry } = shared.pauses;
    let mut failures = 0_u32;
    loop {
        let mut found = shared.lookups.ask(&answer.host, failures > 0).await;
        answer.adopt(&mut found);
        if failures > 0 || found.is_err() {
            shared.lookups.tell(&answer.host, found.as_ref().map(drop));
        }
        // Names that began together do not go on together.
        let sooner = |pause: Duration| pause - jitter(pause / 4, chance());
        match found {
            Ok(_) => {
                failures = 0;
                tokio::time::sleep(sooner(refresh)).await;
            }
            Err(_) => {
                let doubled = 1_u32 << failures.min(16);
                failures += 1;
                tokio::time::sleep(sooner(retry)).await;
                // What is left of the pause, which somebody who comes in vain ends.
                let left = retry.saturating_mul(doubled).min(refresh);
                let left = sooner(left.saturating_sub(retry));
                let _ = timeout(left, answer.wanted.notified()).await;
            }
        }
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
