//! What an identity is to the server that gives it tokens: one file a kind, each with where it asks and how.

mod definition;
mod entra;
mod managed_identity;
mod oauth2;

pub(super) use definition::Acquired;
pub use definition::{ClientDefinition, UsedCredential};
pub use entra::EntraClient;
pub use managed_identity::ManagedIdentityClient;
pub use oauth2::OAuth2Client;
