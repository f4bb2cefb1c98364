//! How does the gateway itself fetch what it needs, and send what it tells?

mod client;
mod definition;
mod pinned;
mod platform;

pub use client::{Answer, FetchError, HttpClient};
pub use definition::FetchDefinition;
pub use platform::{PlatformRequest, Thumbprint, is_of_this_machine};
