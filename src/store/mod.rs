//! What outlives the process, and what replicas share: values under names, sealed so that whoever keeps
//! them learns nothing and can forge nothing. It knows nothing of tokens. Whatever is wrong with it,
//! nobody gets an error for that, and nobody waits for long.

mod bounded;
mod claim;
mod connect;
mod counting;
mod definition;
mod figures;
mod file;
mod link;
mod redis;
mod rest;
mod sealing;
mod shelf;

pub use claim::{Claim, Lease};
pub use counting::{Charge, MOST_CHARGES};
pub use definition::{RedisDefinition, StateKey, StoreDefinition};
pub use figures::{Doing, Place, StoreStatus};
pub use sealing::Name;
pub use shelf::{Kept, Store};
