//! What is in flight, how did the last ones end, and may another begin?

use std::collections::HashMap;
use std::time::Duration;

use super::KeyedSource;
use super::source::KeyedFailure as _;
use crate::clock::UnixTime;
use crate::refresh::Unavailable;
use crate::refresh::backoff::Backoff;
use crate::refresh::in_flight::InFlight;
use crate::refresh::renewal::LEAST_BETWEEN_REPLACEMENTS;

/// So many fetches are in flight at a time; who would begin one more comes again.
pub(super) const MOST_IN_FLIGHT: usize = 256;
/// So many in a row fail for a reason that is not their key's, and nobody asks for a while.
const IN_A_ROW: u32 = 3;
/// So many are replaced in the time in which one is once.
pub(super) const MOST_REPLACED: u32 = 60;
/// A second is the least that a caller is told to wait.
pub(super) const SHORTEST_WAIT: Duration = Duration::from_secs(1);

pub(super) struct State<S: KeyedSource> {
    pub(super) in_flight: HashMap<S::Key, InFlight<S::Item, S::Error>>,
    /// How often everything was forgotten: what began before the last time is not kept.
    pub(super) era: u64,
    /// How many of those are under way still.
    outdated: usize,
    /// Nobody asks, for everybody failed.
    pub(super) pause: Option<(Backoff, S::Error)>,
    pub(super) in_a_row: u32,
    pub(super) swept: UnixTime,
    /// Since when, and how many were replaced that others refused.
    replaced: (UnixTime, u32),
    pub(super) counts: Counts,
    pub(super) last_error: Option<S::Error>,
    last_refusal: Option<(UnixTime, S::Error)>,
    refused_in_a_row: u64,
}

/// Of fetches that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) fetches: u64,
    pub(super) refusals: u64,
    pub(super) failures: u64,
}

/// How it fares.
#[derive(Clone, Debug)]
pub struct KeyedStatus<E> {
    /// Kept now, refusals that are remembered included.
    pub kept: usize,
    pub bytes: u64,
    /// Callers who found what they came for.
    pub found: u64,
    pub fetches: u64,
    /// That were the key's own fault.
    pub refusals: u64,
    pub failures: u64,
    /// Forgotten before their time, for want of room.
    pub forgotten: u64,
    /// Why the last one failed that was not its key's fault, where none has succeeded since.
    pub last_error: Option<E>,
    /// When one was last refused that was its key's own fault, and why.
    pub last_refusal: Option<(UnixTime, E)>,
    /// How many were refused one after the other, each for its own, since the last success.
    pub refused_in_a_row: u64,
    /// Until when nobody asks.
    pub paused_until: Option<UnixTime>,
}

impl<S: KeyedSource> State<S> {
    pub(super) fn new() -> Self {
        Self {
            in_flight: HashMap::new(),
            era: 0,
            outdated: 0,
            pause: None,
            in_a_row: 0,
            swept: UnixTime::from_seconds(0),
            replaced: (UnixTime::from_seconds(0), 0),
            counts: Counts::default(),
            last_error: None,
            last_refusal: None,
            refused_in_a_row: 0,
        }
    }

    /// From now on nobody joins what is in flight, and nothing that it brings is kept.
    pub(super) fn outdate(&mut self) {
        self.era += 1;
        self.outdated += self.in_flight.len();
        self.in_flight.clear();
    }

    /// A fetch ended that began in that era: whether what it brings is to be kept.
    pub(super) fn ended(&mut self, key: &S::Key, era: u64) -> bool {
        let is_of_now = era == self.era;
        match is_of_now {
            true => drop(self.in_flight.remove(key)),
            false => self.outdated = self.outdated.saturating_sub(1),
        }
        is_of_now
    }

    /// What is told of it, beside what the keeper has.
    pub(super) fn refusals(&self) -> (Option<(UnixTime, S::Error)>, u64) {
        (self.last_refusal.clone(), self.refused_in_a_row)
    }

    /// Whether one more may be replaced: a side that refuses everybody's must not make a storm.
    pub(super) fn may_replace(&mut self, now: UnixTime) -> bool {
        let (since, count) = &mut self.replaced;
        if now >= since.plus(LEAST_BETWEEN_REPLACEMENTS) || now < *since {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= MOST_REPLACED
    }

    /// Whether everybody fails.
    pub(super) fn is_to_pause(&self) -> bool {
        self.in_a_row >= IN_A_ROW
    }

    /// What whoever would begin a fetch is told instead, where there is to be none.
    pub(super) fn refusal(&self, now: UnixTime) -> Option<Unavailable<S::Error>> {
        if let Some((pause, cause)) = &self.pause
            && let Some(left) = pause.left(now)
        {
            return Some(Unavailable {
                cause: cause.clone(),
                retry_after: left.max(SHORTEST_WAIT),
                is_backoff: true,
            });
        }
        (self.in_flight.len() + self.outdated >= MOST_IN_FLIGHT).then(|| Unavailable {
            cause: S::Error::crowded(),
            retry_after: SHORTEST_WAIT,
            is_backoff: false,
        })
    }

    pub(super) fn count<T>(&mut self, outcome: &Result<T, S::Error>, now: UnixTime) {
        match outcome {
            Ok(_) => {
                self.counts.fetches += 1;
                self.refused_in_a_row = 0;
                (self.in_a_row, self.pause, self.last_error) = (0, None, None);
            }
            // It was answered, so it is not everybody that fails.
            Err(cause) if cause.is_of_the_key() => {
                self.counts.refusals += 1;
                self.refused_in_a_row += 1;
                self.last_refusal = Some((now, cause.clone()));
                (self.in_a_row, self.pause, self.last_error) = (0, None, None);
            }
            Err(cause) => {
                self.counts.failures += 1;
                self.in_a_row = self.in_a_row.saturating_add(1);
                self.last_error = Some(cause.clone());
            }
        }
    }
}
