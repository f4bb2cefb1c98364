//! Keeping something fresh that comes from elsewhere: one fetch at a time, the last good one kept
//! through an outage, a backoff after a failure. What is kept, and why a fetch fails, is the
//! caller's.

mod asked;
mod backoff;
mod before_expiry;
mod by_key;
mod in_flight;
mod keeper;
mod on_miss;
mod policy;
mod refetch;
mod renewal;
#[cfg(test)]
mod scripted;
mod source;

pub use backoff::{chance, jitter};
pub use before_expiry::{BeforeExpiry, Coming, Order, Replacing};
pub use by_key::{ByKey, KeyedFailure, KeyedSource, KeyedStatus, Room};
pub use keeper::Status;
pub use on_miss::{Found, Generation, OnMiss};
pub use refetch::{Missing, RefetchTimes};
pub use renewal::{Expires, renew_at};
pub use source::{Cause, Errand, Failure, Mishap, Outcome, Source, Unavailable};
