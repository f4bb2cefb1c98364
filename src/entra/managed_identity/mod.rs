//! Managed identities: the platform that this process runs on gives it tokens, and no secret of ours is
//! needed. Six platforms, each asked in its own way. Which one it is, the environment says; what each
//! wants and answers is <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources>.

mod acquire;
mod answer;
mod arc_key;
mod detection;
mod platform;
mod question;
mod refusal;
#[cfg(test)]
mod samples;
mod selector;

pub use acquire::ManagedIdentity;
pub use detection::PlatformError;
pub use platform::Platform;
pub use refusal::ManagedIdentityError;
pub use selector::Selector;
