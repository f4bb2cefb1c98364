//! One bucket: how fast its requests have come, and how many are there. The generic cell rate algorithm
//! (ITU-T I.371): one number says when the bucket is full again, whatever the rate.

use std::time::Duration;

use super::{Limit, Rate};

/// What has been counted for one caller, address or route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    /// When it is full again, in nanoseconds of the buckets' clock; in the past: it is full.
    full_at: u64,
    /// Requests that are there.
    pub(super) in_flight: u32,
    /// From empty to full, in milliseconds.
    span: u32,
}

/// Why one more is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// They come too fast; so long until one may come again.
    Rate(Duration),
    /// Too many are there at a time.
    Concurrent,
}

/// What a rate leaves to whoever just came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub requests: u32,
    /// Until all of the burst may come again.
    pub full_in: Duration,
}

impl Bucket {
    /// Counts one request, where it is not too much. What is refused is not counted.
    pub(super) fn take(&mut self, limit: &Limit, now: u64) -> Result<Option<Left>, Excess> {
        if limit.concurrent.is_some_and(|most| self.in_flight >= most) {
            return Err(Excess::Concurrent);
        }
        let left = match limit.rate {
            Some(rate) => Some(self.pass(rate, now)?),
            None => None,
        };
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(left)
    }

    fn pass(&mut self, rate: Rate, now: u64) -> Result<Left, Excess> {
        let (interval, span) = (rate.interval(), rate.span());
        let owed = self.full_at.saturating_sub(now);
        let owes = owed.saturating_add(interval);
        if owes > span {
            return Err(Excess::Rate(Duration::from_nanos(owes - span)));
        }
        self.full_at = now.saturating_add(owes);
        self.span = u32::try_from(span / 1_000_000).unwrap_or(u32::MAX);
        let requests = (span - owes) / interval;
        Ok(Left {
            requests: u32::try_from(requests).unwrap_or(u32::MAX),
            full_in: Duration::from_nanos(owes),
        })
    }

    /// Others have spent of it, too.
    pub(super) fn is_not_full_before(&mut self, then: u64) {
        self.full_at = self.full_at.max(then);
    }

    /// One of its requests has ended.
    pub(super) fn release(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Whether it is as good as a new one, as far as can be said without a clock.
    pub(super) fn is_blank(&self) -> bool {
        self.in_flight == 0 && self.full_at == 0
    }

    /// Whether it says more than a new one would.
    pub(super) fn says_something(&self, now: u64) -> bool {
        self.in_flight > 0 || self.full_at > now
    }

    /// How much of it is used up, in 65,536ths; nothing is known of one that is full.
    pub(super) fn used(&self, now: u64) -> u64 {
        let owed = self.full_at.saturating_sub(now) / 1_000_000;
        let span = u64::from(self.span).max(1);
        (owed.saturating_mul(65_536) / span).min(65_536)
    }
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
