//! An issuer in the shape of Entra: discovery, key sets and token endpoints of any number of tenants.

#[rustfmt::skip]
mod aadsts;
mod assertion;
mod bearer;
mod client;
mod discovery;
mod entra;
mod federation;
mod misbehaviour;
mod on_behalf_of;
mod platform_tokens;
mod refusal;
mod registration;
mod routes;
mod signing_key;
mod token_endpoint;
mod user;

pub use entra::Issuer;
pub use misbehaviour::{Behaviour, ExpiresIn, KeyAnswer, TokenRequest};
pub use registration::{ApiRegistration, AppRegistration, Generation, Registry};
pub use signing_key::{Algorithm, SigningKey};
pub use user::UserState;

pub(super) use bearer::BearerError;
pub(super) use entra::issuer_string;
#[cfg(test)]
pub(super) use signing_key::jwk;
