//! Several places for one upstream: who takes requests, and how often, and how many.

use std::time::Duration;

use crate::config::value::{CheckPath, FailedStatus, Percent};
use crate::located::{At, May, Must, Or, object};

object! {
    /// When an endpoint, one of `urls`, takes no requests.
    Health "a mapping such as `{ failures: 5, rest: 10s }`" {
        /// So many requests in a row that could not be connected or had no answer, and it rests.
        failures: Or<usize> = "5" in "1" to "1000",
        /// For so long at first; then one request tries it. Each time that one fails too, twice as long, up to 5m.
        rest: Or<Duration> = "10s" in "1ms" to "1h",
        /// Asks each endpoint, whether requests come or not.
        check: May<Check> = "not asked",
    }
}

object! {
    /// A question to each endpoint, time and again: a GET that carries no token, on a connection of its own. 2xx is well.
    Check "a check such as `{ path: /healthz }`" {
        /// Path and query, as the endpoint itself has them: the url's own path does not go before it.
        path: Must<CheckPath>,
        /// From one to the next.
        interval: Or<Duration> = "10s" in "10ms" to "1h",
        /// For all of it, connecting included.
        timeout: Or<Duration> = "2s" in "1ms" to "5m",
        /// So many in a row that fail, and the endpoint takes no requests.
        failures: Or<usize> = "2" in "1" to "1000",
        /// So many in a row that succeed, and it does again.
        successes: Or<usize> = "2" in "1" to "1000",
    }
}

object! {
    /// How often requests are repeated.
    Retries "a mapping such as `{ most: 1, budget: 20% }`" {
        /// How often one request may be.
        most: Or<usize> = "1" in "1" to "5",
        /// How many repetitions to a hundred requests, over time; ten may come at once.
        budget: Or<Percent> = "20%" in "1%" to "100%",
        /// Answers that are failures too, for repeating and for `health`: of 502, 503 and 504.
        statuses: Or<Vec<At<FailedStatus>>> = "[]",
    }
}

object! {
    /// Bounds in number of an upstream.
    UpstreamLimits "a mapping of limits" {
        /// Requests that may be with it at a time, all of its `urls` together, else 503 with `Retry-After`. A WebSocket is one for as long as it is open. Routes that say the same of their upstream share it.
        requests: May<usize> = "none" in "1" to "1000000",
    }
}
