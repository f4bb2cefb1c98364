//! Is there a token already, from before a restart or of another replica? What this process acquires it
//! keeps in the store, and before it asks for one it looks there. Of several replicas that want the same
//! one asks, and the others wait for it, a moment.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::{AccessToken, TokenRequestError, TokenSource, UsedCredential, Wanted};
use crate::clock::UnixTime;
use crate::entra::TokenResponse;
use crate::refresh::{Cause, Errand};
use crate::secret::Secret;
use crate::store::{Claim, Kept, Lease, Name, Store};

/// How long what another replica asks for is waited for. A claim holds no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// Between two looks at whether it has come: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);
/// What ends sooner is not worth taking.
const LEAST_LEFT: Duration = Duration::from_secs(10);

/// An API asks for few different claims, each for a while.
const MOST_NOTED: usize = 256;

/// What tells a client's tokens from those of all others.
pub(super) struct Marks {
    /// Its id at the server that is asked, and what it says that it can do.
    pub(super) client: String,
    /// What tells each of its credentials from others, in order. Nothing of it is ever kept: names are
    /// HMACs.
    pub(super) credentials: Vec<Secret<Vec<u8>>>,
}

/// What a source knows of its tokens in the store.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How many were not asked for, but found there.
    remembered: AtomicU64,
    /// What was kept, whatever claims it has; all of it is to be forgotten together.
    noted: Mutex<BTreeSet<Name>>,
    /// When all that is kept was last to be forgotten, in seconds; 0: never.
    forgotten: AtomicU64,
}

impl Memory {
    pub(super) fn remembered(&self) -> u64 {
        self.remembered.load(Ordering::Relaxed)
    }

    fn count_one(&self) {
        self.remembered.fetch_add(1, Ordering::Relaxed);
    }

    fn note(&self, names: &[Name]) {
        let mut noted = self.noted.lock();
        noted.extend(names);
        while noted.len() > MOST_NOTED {
            noted.pop_first();
        }
    }

    /// SECURITY: what was to be forgotten may be found again: not each place has forgotten it yet, and another
    /// replica may put it back.
    fn is_forgotten(&self, token: &AccessToken) -> bool {
        token.acquired_at.seconds() <= self.forgotten.load(Ordering::Relaxed)
    }

    fn noted(&self) -> Vec<Name> {
        self.noted.lock().iter().copied().collect()
    }
}

/// A token as it is kept, sealed.
#[derive(Serialize, Deserialize)]
struct Record<'r> {
    token: Cow<'r, str>,
    acquired_at: u64,
    expires_at: u64,
    refresh_at: Option<u64>,
}

/// Whether there is one, or this replica is to ask.
enum Found {
    Token(AccessToken),
    Nothing(Option<Lease>),
}

impl TokenSource {
    /// Looks for one, asks for one where there is none, and keeps it.
    pub(super) async fn acquire_through(
        &self,
        store: &Store,
        wanted: &Wanted,
        errand: &Errand<AccessToken>,
    ) -> Result<AccessToken, TokenRequestError> {
        let names = self.names(store, wanted);
        let lease = match errand.cause {
            Cause::Ordered => None,
            Cause::Elsewhere => {
                let kept = store.look(&names, errand.now, store.deadline()).await;
                return self
                    .best(&names, kept, errand)
                    .ok_or(TokenRequestError::BrokenOff);
            }
            Cause::Due | Cause::Refused => match self.find(store, &names, errand).await {
                Found::Token(token) => return Ok(token),
                Found::Nothing(lease) => lease,
            },
        };
        let token = self.acquire_for(wanted, errand.now).await?;
        self.memory.note(&names);
        keep_in(store, &names, &token, errand.now, lease);
        Ok(token)
    }

    /// Takes what is kept of it away, wherever that is. Needs a tokio runtime.
    pub(super) fn forget(&self, now: UnixTime) {
        self.memory
            .forgotten
            .store(now.seconds(), Ordering::Relaxed);
        if let Some(store) = &*self.store.load() {
            let mut names = self.names(store, &self.wanted);
            names.extend(self.memory.noted());
            store.forget(names);
        }
    }

    /// What is kept of it, for another place to keep. Needs a tokio runtime.
    pub(super) fn keep(&self, token: &AccessToken, now: UnixTime) {
        let store = self.store.load();
        let Some(store) = &*store else { return };
        keep_in(store, &self.names(store, &self.wanted), token, now, None);
    }

    /// A name for each of its credentials. What one was given for is of no use to whoever has that
    /// credential no longer.
    fn names(&self, store: &Store, wanted: &Wanted) -> Vec<Name> {
        let client = &self.identity.client;
        let Some(marks) = client.marks() else {
            return Vec::new();
        };
        let at = client.asks_at();
        // What a user's token was given for is a user's: it is never kept.
        if wanted.assertion.is_some() {
            return Vec::new();
        }
        let names = marks.credentials.iter().map(|credential| {
            store.name(&[
                b"a token of an application",
                at.as_bytes(),
                marks.client.as_bytes(),
                wanted.scope.as_bytes(),
                wanted.claims.as_deref().unwrap_or_default().as_bytes(),
                credential.expose(),
            ])
        });
        names.collect::<Option<_>>().unwrap_or_default()
    }

    async fn find(&self, store: &Store, names: &[Name], errand: &Errand<AccessToken>) -> Found {
        let [first, ..] = names else {
            return Found::Nothing(None);
        };
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            let deadline = store.deadline();
            let look = async || {
                let kept = store.look(names, errand.now, deadline).await;
                self.best(names, kept, errand)
            };
            if let Some(token) = look().await {
                return Found::Token(token);
            }
            match store.claim(*first, deadline).await {
                Claim::Alone => return Found::Nothing(None),
                // Whoever had claimed it may have kept it since.
                Claim::Ours(lease) => {
                    let found = look().await.map(Found::Token);
                    return found.unwrap_or(Found::Nothing(Some(lease)));
                }
                Claim::Others if begun.elapsed() >= LONGEST_WAIT => return Found::Nothing(None),
                Claim::Others => sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The youngest that is of use: younger than the one at hand, which is stale, or refused.
    fn best(
        &self,
        names: &[Name],
        kept: Vec<Kept>,
        errand: &Errand<AccessToken>,
    ) -> Option<AccessToken> {
        let at_hand = errand.kept.as_ref();
        let tokens = kept.into_iter().filter_map(|kept| {
            let place = names.iter().position(|name| *name == kept.name)?;
            remembered(self, &kept.value, place)
        });
        let useful = tokens.filter(|token| {
            let is_younger = at_hand.is_none_or(|it| token.acquired_at > it.acquired_at);
            let differs = at_hand.is_none_or(|it| token.header != it.header);
            let is_known = !self.memory.is_forgotten(token);
            is_known && is_younger && differs && errand.now.plus(LEAST_LEFT) < token.expires_at
        });
        let found = useful.max_by_key(|token| token.acquired_at);
        if found.is_some() {
            self.memory.count_one();
        }
        found
    }
}

fn keep_in(
    store: &Store,
    names: &[Name],
    token: &AccessToken,
    now: UnixTime,
    lease: Option<Lease>,
) {
    if let (Some(name), Some(record)) = (names.get(token.by.place), written(token)) {
        store.keep(*name, &record, token.expires_at, now, lease);
    }
}

fn written(token: &AccessToken) -> Option<Secret<Vec<u8>>> {
    let text = token.header.to_str().ok()?.strip_prefix("Bearer ")?;
    let record = Record {
        token: text.into(),
        acquired_at: token.acquired_at.seconds(),
        expires_at: token.expires_at.seconds(),
        refresh_at: token.refresh_at.map(UnixTime::seconds),
    };
    // Room for all of it, so that growing leaves no copy behind.
    let mut written = Zeroizing::new(Vec::with_capacity(256 + 2 * text.len()));
    serde_json::to_writer(&mut *written, &record).ok()?;
    Some(Secret::new(std::mem::take(&mut *written)))
}

fn remembered(
    source: &TokenSource,
    written: &Secret<Vec<u8>>,
    place: usize,
) -> Option<AccessToken> {
    let at = UnixTime::from_seconds;
    let record: Record<'_> = serde_json::from_slice(written.expose()).ok()?;
    let response = TokenResponse {
        access_token: Secret::new(record.token.into_owned()),
        expires_at: at(record.expires_at),
        refresh_at: record.refresh_at.map(at),
    };
    let by = UsedCredential {
        place,
        kind: source
            .identity
            .client
            .credentials()?
            .iter()
            .nth(place)?
            .kind(),
        passed_over: None,
    };
    let mut token = source.token(&response, by, at(record.acquired_at)).ok()?;
    token.is_remembered = true;
    Some(token)
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
