//! Which limit is it that one request more would exceed, and when may one come again?

use std::fmt;
use std::time::Duration;

use super::Limit;
use super::bucket::Excess;

/// A limit that one request more would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub counted: Counted,
    pub limit: Limit,
    pub excess: Excess,
}

/// Whom a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// Each who is let in by a route.
    Caller,
    /// Each address that asks a route.
    Address,
    /// All that a route lets in.
    Route,
    /// Each address that asks a listener.
    Door,
}

impl Exceeded {
    /// When one may come again. Whose requests are too many at a time may ask in a moment.
    pub fn retry_after(&self) -> Duration {
        match self.excess {
            Excess::Rate(wait) => wait,
            Excess::Concurrent => Duration::from_secs(1),
        }
    }
}

impl Counted {
    /// One word, for callers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Address => "address",
            Self::Route => "route",
            Self::Door => "listener",
        }
    }

    const fn whose(self) -> &'static str {
        match self {
            Self::Caller => "the route's limit for a caller",
            Self::Address => "the route's limit for an address",
            Self::Route => "the route's limit",
            Self::Door => "the listener's limit for an address",
        }
    }
}

/// For the log.
impl fmt::Display for Exceeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is {}", self.counted.whose(), self.limit)?;
        match self.excess {
            Excess::Rate(wait) => {
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                let wait = humantime::format_duration(Duration::from_millis(wait));
                write!(out, "; one more in {wait}")
            }
            Excess::Concurrent => Ok(()),
        }
    }
}
