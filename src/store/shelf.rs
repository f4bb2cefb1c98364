//! Where is something put so that it outlives this process, and so that others find it? In a file of
//! this process, in a Redis of all replicas, or both. What is wrong with them is told, and costs nobody
//! more than a moment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use openssl::error::ErrorStack;
use tokio::time::Instant;

use super::claim::{Claim, Lease};
use super::counting::Charge;
use super::definition::StoreDefinition;
use super::figures::{Doing, StoreStatus};
use super::file::StateFile;
use super::redis::Redis;
use super::sealing::{Name, Sealer};
use crate::clock::UnixTime;
use crate::secret::Secret;

pub struct Store {
    sealer: Sealer,
    file: Option<Arc<StateFile>>,
    redis: Option<Arc<Redis>>,
    /// What somebody may be kept waiting by all questions that one look asks.
    patience: Duration,
}

/// What was kept, opened.
#[derive(Debug)]
pub struct Kept {
    pub name: Name,
    pub value: Secret<Vec<u8>>,
}

impl Store {
    /// Reads the file, where there is one, and connects in the background. Needs a tokio runtime.
    pub fn open(definition: &StoreDefinition, now: UnixTime) -> Result<Arc<Self>, ErrorStack> {
        let sealer = Sealer::new(&definition.key)?;
        let file = definition.file.as_ref();
        let file = file
            .map(|path| StateFile::open(path, &sealer, now))
            .transpose()?;
        let redis = definition.redis.as_ref().map(Redis::start);
        Ok(Arc::new(Self {
            sealer,
            file,
            redis: redis.map(Arc::new),
            patience: definition
                .redis
                .as_ref()
                .map_or(Duration::ZERO, |it| it.timeout),
        }))
    }

    /// Whether others find there what this process keeps.
    pub fn is_shared(&self) -> bool {
        self.redis.is_some()
    }

    /// The name for what these say.
    pub fn name(&self, parts: &[&[u8]]) -> Option<Name> {
        self.sealer.name(parts).ok()
    }

    /// Until when one look may ask its questions.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// What is kept under these names, wherever it is. What does not open is not there.
    pub async fn look(&self, names: &[Name], now: UnixTime, deadline: Instant) -> Vec<Kept> {
        let mut kept = Vec::new();
        if let Some(file) = &self.file {
            let entries = file.read(names);
            let found = self.opened(entries, now);
            file.figures.count(found_or_not(&found));
            kept.extend(found);
        }
        if let Some(redis) = &self.redis
            && let Some(entries) = redis.read(names, deadline).await
        {
            let found = self.opened(entries.clone(), now);
            redis.figures.count(found_or_not(&found));
            // What another replica has got is to outlive this process, too.
            if let Some(file) = &self.file {
                let opened = |name: &Name| found.iter().any(|it| it.name == *name);
                let new = entries.into_iter().filter(|(name, ..)| opened(name));
                new.for_each(|(name, until, sealed)| file.keep(name, until, sealed, now));
            }
            kept.extend(found);
        }
        kept
    }

    /// Whether this replica is the one to get it.
    pub async fn claim(&self, name: Name, deadline: Instant) -> Claim {
        let Some(redis) = &self.redis else {
            return Claim::Alone;
        };
        match redis.claim(name, deadline).await {
            Some(true) => Claim::Ours(Lease::new(redis, name)),
            Some(false) => Claim::Others,
            None => Claim::Alone,
        }
    }

    /// Keeps it until then, in the background, and ends the claim. Needs a tokio runtime.
    pub fn keep(
        &self,
        name: Name,
        value: &Secret<Vec<u8>>,
        until: UnixTime,
        now: UnixTime,
        lease: Option<Lease>,
    ) {
        let sealed = match self.sealer.seal(name, until, value.expose()) {
            Ok(sealed) => sealed,
            Err(why) => {
                return tracing::error!(%why, "a token could not be sealed, and is not kept");
            }
        };
        if let Some(file) = &self.file {
            file.keep(name, until, sealed.clone(), now);
        }
        if let Some(redis) = &self.redis {
            let redis = Arc::clone(redis);
            tokio::spawn(async move {
                let (life, claimed) = (now.until(until), lease.and_then(Lease::end));
                redis.write(&(name, until, sealed), life, claimed).await;
            });
        }
    }

    /// Takes these away wherever they are, in the background. Needs a tokio runtime.
    pub fn forget(&self, names: Vec<Name>) {
        if let Some(file) = &self.file {
            file.forget(&names);
        }
        if let Some(redis) = &self.redis {
            let redis = Arc::clone(redis);
            tokio::spawn(async move {
                if let Err(why) = redis.forget(&names).await {
                    tracing::error!(
                        why = &*why,
                        "the shared store still has tokens that were to be forgotten; order it again once it is reached"
                    );
                }
            });
        }
    }

    /// How long each bucket is from being full, with what was spent here, and by all others; at most
    /// `MOST_CHARGES` of them. `None` where nothing is shared, or it cannot be for the moment.
    pub async fn count(&self, charges: &[Charge]) -> Option<Vec<Duration>> {
        self.redis.as_ref()?.put_off(charges).await
    }

    /// Each place's.
    pub fn statuses(&self) -> Vec<StoreStatus> {
        let file = self.file.iter().map(|it| it.status());
        let redis = self.redis.iter().map(|it| it.status());
        file.chain(redis).collect()
    }

    fn opened(&self, entries: Vec<(Name, UnixTime, Vec<u8>)>, now: UnixTime) -> Vec<Kept> {
        let alive = entries.into_iter().filter(|(_, until, _)| *until > now);
        let opened = alive.filter_map(|(name, until, sealed)| {
            let value = self.sealer.open(name, until, &sealed)?;
            Some(Kept { name, value })
        });
        opened.collect()
    }
}

fn found_or_not(found: &[Kept]) -> Doing {
    match found.is_empty() {
        true => Doing::Missed,
        false => Doing::Found,
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store")
            .field("statuses", &self.statuses())
            .finish_non_exhaustive()
    }
}
