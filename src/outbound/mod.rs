//! The leg away from us: whose token a request carries on, and how the gateway gets its own.

mod credential;
mod egress;
mod flight;
mod held;
mod identity;
mod schedule;
mod token_cache;
mod token_source;
mod upstream;

pub use credential::{CertificateCredential, CredentialDefinition};
pub use egress::{Carried, Egress, TokenDefinition};
pub use identity::{IdentityDefinition, TokenTimes};
pub use token_cache::{AppTokens, TokenStatus};
pub use token_source::{AccessToken, AcquireError, TokenSource};
pub use upstream::{Upstream, UpstreamDefinition, UpstreamError};
