//! Is it genuine? From a token's text to verified claims, for any issuer. Pure: keys
//! and the time are arguments.

mod base64url;
mod claims;
mod json;
mod key_set;
mod payload;
mod profile;
mod provider;
mod token;
mod token_digest;
mod token_error;
mod verifier;

pub use claims::Claims;
pub use json::Member;
pub use key_set::{Key, KeySet, KeySetError};
pub use payload::ClaimNames;
pub use profile::{Algorithm, Placeholder, Profile};
pub use provider::install_provider;
pub use token::UnverifiedToken;
pub use token_digest::TokenDigest;
pub use token_error::TokenError;
pub use verifier::Verifier;
