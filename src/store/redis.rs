//! What is asked of Redis, or Valkey, and how long that may take? Reads and claims, which callers wait
//! for, have 50 ms together by default; what is written, nobody waits for. Where it is slow it is left alone for a
//! while.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Pipeline, RedisResult};
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::told;
use super::definition::RedisDefinition;
use super::figures::{Doing, Figures, Place, StoreStatus};
use super::link::Link;
use super::rest::Rest;
use super::sealing::Name;
use crate::clock::UnixTime;

/// How long writing may take.
const WRITE: Duration = Duration::from_secs(2);
/// The longest a claim holds: whoever claims and dies keeps others waiting no longer.
pub(super) const CLAIM: Duration = Duration::from_secs(3);
/// What is larger than this is nothing of ours.
const LARGEST: usize = 64 * 1024;

pub(super) struct Redis {
    pub(super) link: Link,
    url: String,
    rest: Rest,
    /// What is counted there may fail where tokens do not: it wants rights of its own.
    pub(super) counting: Rest,
    pub(super) figures: Figures,
}

/// What is kept under a name: until when, and sealed.
pub(super) type Entry = (Name, UnixTime, Vec<u8>);

impl Redis {
    /// Needs a tokio runtime.
    pub(super) fn start(definition: &RedisDefinition) -> Self {
        Self {
            link: Link::start(definition.clone()),
            url: definition.url.to_string(),
            rest: Rest::of(definition, "each replica keeps its tokens for itself"),
            counting: Rest::of(definition, "each replica counts by itself"),
            figures: Figures::default(),
        }
    }

    /// What it has under these names; `None` where it cannot be asked.
    pub(super) async fn read(&self, names: &[Name], deadline: Instant) -> Option<Vec<Entry>> {
        let mut command = redis::cmd("MGET");
        for name in names {
            command.arg(key(*name));
        }
        let values: Vec<Option<Vec<u8>>> = self
            .within(deadline, async |mut connection| {
                command.query_async(&mut connection).await
            })
            .await?;
        let entries = names.iter().zip(values);
        let entries = entries.filter_map(|(name, value)| entry(*name, &value?));
        Some(entries.collect())
    }

    /// Whether nobody else has claimed it; `None` where it cannot be asked.
    pub(super) async fn claim(&self, name: Name, deadline: Instant) -> Option<bool> {
        let mut command = redis::cmd("SET");
        command.arg(claim_key(name)).arg(1).arg("NX");
        command.arg("PX").arg(milliseconds(CLAIM));
        let set: Option<String> = self
            .within(deadline, async |mut connection| {
                command.query_async(&mut connection).await
            })
            .await?;
        Some(set.is_some())
    }

    /// Puts it there, and ends the claim.
    pub(super) async fn write(
        &self,
        (name, until, sealed): &Entry,
        life: Duration,
        claimed: Option<Name>,
    ) {
        let mut value = until.seconds().to_be_bytes().to_vec();
        value.extend_from_slice(sealed);
        let mut commands = redis::pipe();
        let set = commands.cmd("SET").arg(key(*name)).arg(value);
        set.arg("PX").arg(milliseconds(life)).ignore();
        if let Some(claimed) = claimed {
            commands.cmd("DEL").arg(claim_key(claimed)).ignore();
        }
        match self.pipe::<()>(&commands).await {
            Ok(()) => self.figures.count(Doing::Kept),
            Err(why) => self.failed(&why),
        }
    }

    pub(super) async fn end_claim(&self, name: Name) {
        let mut commands = redis::pipe();
        commands.cmd("DEL").arg(claim_key(name)).ignore();
        if let Err(why) = self.pipe::<()>(&commands).await {
            self.failed(&why);
        }
    }

    /// Takes these away; says why not, where it cannot.
    pub(super) async fn forget(&self, names: &[Name]) -> Result<(), Arc<str>> {
        let mut commands = redis::pipe();
        let del = commands.cmd("DEL");
        for name in names {
            del.arg(key(*name));
        }
        self.pipe::<redis::Value>(&commands).await.map(drop)
    }

    pub(super) fn status(&self) -> StoreStatus {
        let resting = self.rest.why().or_else(|| self.counting.why());
        let failure = self.link.failure().or(resting);
        StoreStatus {
            place: Place::Redis,
            at: self.url.clone(),
            failure: failure.map(|why| why.to_string()),
            counts: self.figures.counts(),
        }
    }

    async fn within<T>(
        &self,
        deadline: Instant,
        ask: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Option<T> {
        if self.rest.why().is_some() {
            self.figures.count(Doing::Failed);
            return None;
        }
        let connection = match self.link.connection(deadline).await {
            Ok(connection) => connection,
            Err(_) => {
                self.figures.count(Doing::Failed);
                return None;
            }
        };
        let why = match timeout_at(deadline, ask(connection)).await {
            Ok(Ok(answer)) => {
                self.rest.ends();
                return Some(answer);
            }
            Ok(Err(why)) => told(&why),
            Err(_) => "it is slow: no answer within `state.redis.timeout`".to_owned(),
        };
        self.failed(&why.into());
        None
    }

    async fn pipe<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Arc<str>> {
        let deadline = Instant::now() + WRITE;
        let mut connection = self.link.connection(deadline).await?;
        match timeout(WRITE, commands.query_async(&mut connection)).await {
            Ok(Ok(answer)) => {
                self.rest.ends();
                Ok(answer)
            }
            Ok(Err(why)) => Err(told(&why).into()),
            Err(_) => Err(format!("it is slow: no answer within {WRITE:?}").into()),
        }
    }

    fn failed(&self, why: &Arc<str>) {
        self.figures.count(Doing::Failed);
        self.rest.begins(why);
    }
}

fn entry(name: Name, value: &[u8]) -> Option<Entry> {
    let (until, sealed) = value.split_first_chunk::<8>()?;
    let until = UnixTime::from_seconds(u64::from_be_bytes(*until));
    (sealed.len() <= LARGEST).then(|| (name, until, sealed.to_vec()))
}

fn key(name: Name) -> String {
    format!("bearergate:1:{name}")
}

fn claim_key(name: Name) -> String {
    format!("bearergate:1:{name}:claim")
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}
