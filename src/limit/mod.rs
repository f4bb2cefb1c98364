//! How much is too much? Buckets of requests, one for each whom a limit counts: how fast they come, here
//! or to all replicas together, and how many are there at a time. Pure: time is an argument. What is kept
//! is bounded, whoever comes.

mod bucket;
mod buckets;
mod definition;
mod exceeded;
mod shard;
mod telling;
mod untold;

pub use bucket::{Excess, Left};
pub use buckets::{Buckets, BucketsSample, Taken};
pub use definition::{Limit, Rate, Unit};
pub use exceeded::{Counted, Exceeded};
pub use untold::Spending;
