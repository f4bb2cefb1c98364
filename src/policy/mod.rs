//! Is it allowed? Proven evidence against a route's callers; the only maker of a `Permit`. Pure.

mod condition;
mod entries;
mod entry;
mod evidence;
mod parameter;
mod permit;
mod principal;
mod query;
mod refusal;
#[cfg(test)]
pub(crate) mod sample;
mod telling;

pub use condition::{CONDITION_KEYS, Claim, ClaimValue, Condition, Need};
pub use entries::Entries;
pub use entry::{
    ApiKeyCondition, Audience, BearerConditions, Credential, Entry, Networks, PrincipalRule,
};
pub use evidence::{Evidence, KeyProof};
pub use parameter::{ValuePattern, Where};
pub use permit::{Callers, Permit};
pub use principal::{AudienceForm, Principal, PrincipalKind, TokenPrincipal};
pub use query::{AllowedOption, ForbiddenOption, QueryRules};
pub use refusal::PolicyRefusal;
