//! The leg towards us: what a request presents, proven or refused.

mod api_key;
mod gate;
mod issuer;
mod key_source;
#[cfg(test)]
mod test_tenant;
mod verdict_cache;

pub use gate::{AuthError, Gate};
pub use issuer::{Issuer, IssuerDefinition, IssuerStatus, KeyTimes};
pub use key_source::{KeysError, count_keys};
