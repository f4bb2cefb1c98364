//! What an identity is to the server that gives it tokens: one file a kind, each with where it asks and how.

mod definition;
mod entra;
mod instance;
mod looked_up;
mod managed_identity;
mod oauth2;
mod token_url;

pub(super) use definition::Acquired;
pub use definition::{ClientDefinition, UsedCredential};
pub use entra::EntraClient;
pub use instance::InstanceDiscovery;
pub use managed_identity::ManagedIdentityClient;
pub use oauth2::OAuth2Client;
pub use token_url::TokenUrl;
