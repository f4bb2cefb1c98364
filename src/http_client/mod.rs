//! How does the gateway itself fetch what it needs, and send what it tells?

mod answer;
mod client;
mod definition;
mod instead;
mod pinned;
mod platform;
mod shown;

pub use answer::{Answer, FetchError};
pub use client::HttpClient;
pub use definition::FetchDefinition;
pub use platform::{PlatformRequest, Thumbprint, is_of_this_machine};
