//! What does the file say of a limit?

use std::fmt;
use std::time::Duration;

/// One limit; at least one of the two is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    pub rate: Option<Rate>,
    /// Requests at a time.
    pub concurrent: Option<u32>,
}

/// How fast requests may come, on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// So many in a unit of time. At least one.
    pub requests: u32,
    pub unit: Unit,
    /// So many may come at once, after a pause. At least one.
    pub burst: u32,
    /// All replicas count together.
    pub shared: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    /// Every one with its letter in the file.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Second, "s"),
        (Self::Minute, "m"),
        (Self::Hour, "h"),
        (Self::Day, "d"),
    ];

    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        }
    }

    const fn letter(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }
}

impl Rate {
    /// Nanoseconds until one more may come.
    pub(super) fn interval(self) -> u64 {
        let unit = self.unit.seconds() * 1_000_000_000;
        (unit / u64::from(self.requests.max(1))).max(1)
    }

    /// Nanoseconds until a bucket that was emptied is full again.
    pub(super) fn span(self) -> u64 {
        let burst = u64::from(self.burst.max(1));
        self.interval().saturating_mul(burst)
    }

    /// How long a bucket that was emptied takes to be full again.
    pub fn window(self) -> Duration {
        Duration::from_nanos(self.span())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.requests, self.unit.letter())?;
        if self.burst != self.requests {
            write!(out, ", {} at once", self.burst)?;
        }
        match self.shared {
            true => out.write_str(", of all replicas together"),
            false => Ok(()),
        }
    }
}

/// `10/s, 20 at once, 5 at a time`.
impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rate, self.concurrent) {
            (Some(rate), Some(most)) => write!(out, "{rate}, {most} at a time"),
            (Some(rate), None) => write!(out, "{rate}"),
            (None, Some(most)) => write!(out, "{most} at a time"),
            (None, None) => out.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_it_was_written() {
        let rate = |requests, unit, burst| Rate {
            requests,
            unit,
            burst,
            shared: false,
        };
        let shared = |rate| Rate {
            shared: true,
            ..rate
        };
        for (rate, concurrent, text) in [
            (Some(rate(10, Unit::Second, 10)), None, "10/s"),
            (Some(rate(10, Unit::Minute, 2)), None, "10/m, 2 at once"),
            (None, Some(5), "5 at a time"),
            (
                Some(shared(rate(10, Unit::Second, 20))),
                Some(5),
                "10/s, 20 at once, of all replicas together, 5 at a time",
            ),
            (
                Some(rate(1, Unit::Day, 3)),
                Some(1),
                "1/d, 3 at once, 1 at a time",
            ),
        ] {
            assert_eq!(Limit { rate, concurrent }.to_string(), text);
        }
    }

    #[test]
    fn no_rate_divides_by_nothing_or_runs_over() {
        for (requests, unit, burst, interval) in [
            (0, Unit::Second, 0, 1_000_000_000),
            (u32::MAX, Unit::Second, 1, 1),
            (1, Unit::Day, u32::MAX, 86_400_000_000_000),
            (3, Unit::Second, 1, 333_333_333),
        ] {
            let rate = Rate {
                requests,
                unit,
                burst,
                shared: false,
            };
            assert_eq!(rate.interval(), interval);
            assert!(rate.span() >= rate.interval());
        }
    }
}
