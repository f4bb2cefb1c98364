//! Which addresses does a host name have now? One answer for each name, whoever goes there: asked
//! for off the request path, and kept fresh until nobody goes there any more.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// How often they have become others.
    changes: AtomicU64,
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
            changes: AtomicU64::new(0),
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

    /// Somebody comes in vain, for there is no address, or nobody at it: it is asked for sooner.
    pub(super) fn want(&self) {
        self.answer.wanted.notify_one();
    }

    /// To this address, which it has now.
    pub(super) fn lead(self: &Arc<Self>, address: IpAddr) -> Lead {
        Lead {
            name: Arc::clone(self),
            address,
            as_of: AtomicU64::new(self.answer.changes.load(Ordering::Acquire)),
        }
    }
}

/// How a connection came to lead where it does: by a name, which may come to lead elsewhere.
#[derive(Debug)]
pub(super) struct Lead {
    name: Arc<Name>,
    address: IpAddr,
    /// The change of its addresses after which it was looked for among them last.
    as_of: AtomicU64,
}

impl Lead {
    /// Whether the name still has the address.
    pub(super) fn holds(&self) -> bool {
        let changes = self.name.answer.changes.load(Ordering::Acquire);
        if self.as_of.load(Ordering::Relaxed) == changes {
            return true;
        }
        let addresses = self.name.addresses();
        let has = addresses.iter().any(|it| it.ip() == self.address);
        if has {
            self.as_of.store(changes, Ordering::Relaxed);
        }
        has
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

    /// Takes over new addresses, and says whether they are others; a failure never replaces good ones.
    fn adopt(&self, found: &mut io::Result<Vec<SocketAddr>>) -> bool {
        let mut are_others = false;
        if let Ok(found) = found {
            found.sort_unstable();
            found.dedup();
            are_others = **self.addresses.load() != *found;
            if are_others {
                self.addresses.store(Arc::new(std::mem::take(found)));
                self.changes.fetch_add(1, Ordering::Release);
            }
        }
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.was_asked.notify_waiters();
        }
        are_others
    }
}

async fn keep_resolved(answer: Arc<Answer>, shared: Arc<Shared>) {
    let Pauses { refresh, retry } = shared.pauses;
    let doubled = |times: u32| retry.saturating_mul(1 << times.min(16)).min(refresh);
    let mut failures = 0_u32;
    // How often in a row somebody came in vain, and the answer was as before.
    let mut in_vain = 0_u32;
    loop {
        let mut found = shared.lookups.ask(&answer.host, failures > 0).await;
        if answer.adopt(&mut found) {
            in_vain = 0;
        }
        if failures > 0 || found.is_err() {
            shared.lookups.tell(&answer.host, found.as_ref().map(drop));
        }
        let (least, pause) = match found {
            Ok(_) => {
                failures = 0;
                (doubled(in_vain), refresh)
            }
            Err(_) => {
                failures += 1;
                (retry, doubled(failures - 1))
            }
        };
        // Names that began together do not go on together.
        let sooner = |pause: Duration| pause - jitter(pause / 4, chance());
        tokio::time::sleep(sooner(least)).await;
        // What is left of the pause, which somebody who comes in vain ends.
        let left = sooner(pause.saturating_sub(least));
        let came = timeout(left, answer.wanted.notified()).await;
        in_vain = match came {
            Ok(()) => in_vain.saturating_add(1),
            Err(_) => 0,
        };
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
