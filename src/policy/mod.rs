//! Is it allowed? Proven evidence against a route's callers; the only maker of a `Permit`. Pure.

mod condition;
mod evidence;
mod parameter;
mod permit;
mod principal;
#[cfg(test)]
mod sample;

pub use condition::{ApiKeyCondition, Audience, BearerConditions, Networks, PrincipalRule};
pub use evidence::{Evidence, KeyProof};
pub use parameter::{ValuePattern, Where};
pub use permit::{Callers, Credential, Entry, Permit, PolicyRefusal};
pub use principal::{Principal, PrincipalKind, TokenPrincipal};
