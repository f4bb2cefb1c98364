//! Which requests were not served lately? The last that were denied or failed, for the status page and
//! `bearergate why`: bounded in number, in size, and in what a flood of them costs. What is served
//! never comes here.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::redaction::redacted;
use super::written::clean;
use super::{AccessLine, Outcome};
use crate::reason::Reason;

/// So many are kept, of all together.
const KEPT: usize = 512;
/// What is refused for the same reason on the same route goes by one lane, and by which one nobody
/// can foresee.
const LANES: usize = 64;
/// Who is refused goes by one of so many ways into a lane, so that nobody's flood hides everybody else's.
const WAYS: usize = 8;
/// So many that come by one way are kept of each second; of a flood, its beginning.
const PER_SECOND: u64 = 8;

/// Bytes of a text that are kept.
const LONG: usize = 512;
const SHORT: usize = 256;

pub struct Refusals {
    ways: [[Way; WAYS]; LANES],
    kept: Mutex<Kept>,
    /// Those that came too fast.
    left_out: AtomicU64,
    hasher: RandomState,
}

/// The second, and how many came in it so far: in the lower half.
#[derive(Default)]
struct Way(AtomicU64);

struct Kept {
    /// Each from its oldest to its newest.
    lanes: [VecDeque<One>; LANES],
    count: usize,
}

struct One {
    /// The same for those of one route and reason.
    kind: u64,
    request: Arc<RefusedRequest>,
}

/// A request that was denied or failed, redacted.
#[derive(Clone, Debug)]
pub struct RefusedRequest {
    /// When it ended, milliseconds since the epoch.
    pub at_ms: u64,
    pub request_id: Box<str>,
    pub listener: Box<str>,
    pub route: Option<Box<str>>,
    pub method: Box<str>,
    pub path: Box<str>,
    /// 0 where none was sent.
    pub status: u16,
    /// `denied` or `failed`.
    pub outcome: &'static str,
    pub reason: Reason,
    pub detail: Option<Box<str>>,
    pub principal: Option<Box<str>>,
    pub client: Option<IpAddr>,
    pub upstream: Option<Box<str>>,
    /// What the upstream said, and how long its head took.
    pub heard: Option<(u16, Duration)>,
    pub duration: Duration,
}

/// That there is room for one.
pub struct Room {
    kind: u64,
    reason: Reason,
    outcome: &'static str,
}

impl Refusals {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            ways: std::array::from_fn(|_| std::array::from_fn(|_| Way::default())),
            kept: Mutex::new(Kept {
                lanes: std::array::from_fn(|_| VecDeque::new()),
                count: 0,
            }),
            left_out: AtomicU64::new(0),
            hasher: RandomState::new(),
        })
    }

    /// Whether a request that ended so, of this client, is to be kept: before anything is put together
    /// for it.
    pub fn room_for(
        &self,
        outcome: Outcome,
        route: Option<&str>,
        client: Option<IpAddr>,
        now_ms: u64,
    ) -> Option<Room> {
        let (Outcome::Denied(reason) | Outcome::Failed(reason)) = outcome else {
            return None;
        };
        let kind = self.hasher.hash_one((route, reason));
        let way = place(self.hasher.hash_one(client), WAYS);
        if !self.ways[place(kind, LANES)][way].takes(now_ms / 1000) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(Room {
            kind,
            reason,
            outcome: outcome.word(),
        })
    }

    pub fn keep(&self, room: &Room, line: &AccessLine<'_>) {
        let request = Arc::new(RefusedRequest::of(room, line));
        let kind = room.kind;
        let gone = self.kept.lock().push(One { kind, request });
        // Freed when others may go on.
        drop(gone);
    }

    /// All that are kept, the newest first.
    pub fn all(&self) -> Vec<Arc<RefusedRequest>> {
        let kept = self.kept.lock();
        let all = kept.lanes.iter().flatten();
        let mut all: Vec<_> = all.map(|one| Arc::clone(&one.request)).collect();
        drop(kept);
        all.sort_by_key(|request| std::cmp::Reverse(request.at_ms));
        all
    }

    /// How many came too fast to be kept.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

impl Way {
    /// Races cost one more or less.
    fn takes(&self, second: u64) -> bool {
        let second = second << 32;
        let seen = self.0.load(Ordering::Relaxed);
        if seen & !u64::from(u32::MAX) != second {
            self.0.store(second | 1, Ordering::Relaxed);
            return true;
        }
        // Once it is full, it is only read.
        if seen & u64::from(u32::MAX) >= PER_SECOND {
            return false;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        true
    }
}

impl Kept {
    /// Where there are too many, the fullest lane gives up one: a flood takes what others do not use, and
    /// no more.
    fn push(&mut self, one: One) -> Option<One> {
        self.lanes[place(one.kind, LANES)].push_back(one);
        if self.count < KEPT {
            self.count += 1;
            return None;
        }
        give_up(self.lanes.iter_mut().max_by_key(|lane| lane.len())?)
    }
}

/// The oldest that has a newer one of its kind, so that the last of each route and reason stays; where
/// each is the last of its kind, the oldest.
fn give_up(lane: &mut VecDeque<One>) -> Option<One> {
    let has_newer = |place: &usize| {
        let mut newer = lane.iter().skip(place + 1);
        newer.any(|one| one.kind == lane[*place].kind)
    };
    let oldest = (0..lane.len()).find(has_newer).unwrap_or_default();
    lane.remove(oldest)
}

fn place(hash: u64, places: usize) -> usize {
    usize::try_from(hash).unwrap_or_default() % places
}

impl RefusedRequest {
    fn of(room: &Room, line: &AccessLine<'_>) -> Self {
        Self {
            at_ms: line.time_ms,
            request_id: whole(line.request_id),
            listener: whole(line.listener),
            route: line.route.map(whole),
            method: clean(&redacted(line.method), SHORT).into(),
            path: told(line.path),
            status: line.status,
            outcome: room.outcome,
            reason: room.reason,
            detail: line.detail.map(told),
            principal: line.principal.map(told),
            client: line.client,
            upstream: line.upstream.map(whole),
            heard: line.heard,
            duration: line.duration,
        }
    }
}

fn whole(text: &str) -> Box<str> {
    clean(text, SHORT).into()
}

/// Shortened before it is cut: half a key would be no key any more, and be shown.
fn told(text: &str) -> Box<str> {
    clean(&redacted(text), LONG).into()
}

#[cfg(test)]
#[path = "refusals_tests.rs"]
mod tests;
