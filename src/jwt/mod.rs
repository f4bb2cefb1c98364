//! Is it genuine? From the `Authorization` header to verified claims, for any issuer. Pure: keys
//! and the time are arguments.

mod bearer;
mod claims;
mod json;
mod key_set;
mod payload;
mod provider;
mod token;
mod verifier;

pub use bearer::{Authorization, AuthorizationError};
pub use claims::{Claims, Version};
pub use key_set::{Key, KeySet, KeySetError};
pub use provider::install_provider;
pub use token::{TokenError, UnverifiedToken};
pub use verifier::{Expected, Verifier};
