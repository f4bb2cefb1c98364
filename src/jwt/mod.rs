//! Is it genuine? From a token's text to verified claims, for any issuer. Pure: keys
//! and the time are arguments.

mod claims;
mod json;
mod key_set;
mod payload;
mod provider;
mod token;
mod verifier;

pub use claims::{Claims, Version};
pub use key_set::{Key, KeySet, KeySetError};
pub use provider::install_provider;
pub use token::{TokenError, UnverifiedToken};
pub use verifier::{Expected, Verifier};
