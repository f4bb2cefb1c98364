//! Limits: how many requests, how fast, how large.

use crate::config::value::Pace;
use crate::located::{May, Or, Size, object};

object! {
    /// How many requests, of each whom it counts.
    Limit "a limit such as `{ rate: 100/s, concurrent: 10 }`" {
        /// On average, such as `100/s`, `10/m`, `1000/h` or `5000/d`; else 429.
        rate: May<Pace> = "none",
        /// So many may come at once, after a pause.
        burst: May<usize> = "the number in `rate`" in "1" to "1000000",
        /// At a time, from a request's head to its answer's last byte; else 429.
        concurrent: May<usize> = "none" in "1" to "1000000",
        /// Whether the rate is of all replicas together, by `state.redis`. What is at a time is each one's own.
        shared: Or<bool> = "false",
    }
}

object! {
    /// Bounds of a route's requests in number and size.
    RouteLimits "a mapping of limits such as `{ rate: 1000/s, per_caller: { rate: 10/s } }`" {
        /// Of all that are let in, on average, such as `1000/s`; else 429.
        rate: May<Pace> = "none",
        /// So many may come at once, after a pause.
        burst: May<usize> = "the number in `rate`" in "1" to "1000000",
        /// Of all that are let in, at a time; else 429.
        concurrent: May<usize> = "none" in "1" to "1000000",
        /// Whether the rate is of all replicas together, by `state.redis`. What is at a time is each one's own.
        shared: Or<bool> = "false",
        /// For each caller that is let in: an application, a user, a key, or an address where that is all that is known.
        per_caller: May<Limit> = "none",
        /// For each client address (of IPv6, for each /64), before credentials are looked at: bad ones count too.
        per_address: May<Limit> = "none",
        /// The request body, else 413; no larger than the listener's.
        body: May<Size> = "the listener's `limits.body`",
    }
}
