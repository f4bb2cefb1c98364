//! How does the gateway itself fetch what it needs, and send what it tells?

mod client;
mod definition;

pub use client::{Answer, FetchError, HttpClient};
pub use definition::FetchDefinition;
