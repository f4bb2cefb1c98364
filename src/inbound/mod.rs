//! The leg towards us: what a request presents, proven or refused.

mod auth_error;
mod credential;
mod gate;
mod issuer;
mod key_source;
#[cfg(test)]
mod test_tenant;
mod verdict_cache;

pub use auth_error::AuthError;
pub use gate::Gate;
pub use issuer::{Issuer, IssuerDefinition, IssuerKind, IssuerStatus};
pub use key_source::{KeysError, count_keys};
