//! How much is too much? Buckets of requests, one for each whom a limit counts: how fast they come, and
//! how many are there at a time. Pure: time is an argument. What is kept is bounded, whoever comes.

mod bucket;
mod buckets;
mod definition;

pub use bucket::{Excess, Left};
pub use buckets::{Buckets, BucketsSample, Counted, Exceeded, Taken};
pub use definition::{Limit, Rate, Unit};
