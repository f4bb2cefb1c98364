//! Acting for the user who calls: the caller's own token is exchanged for one by which the application may do
//! at the upstream what the user may and has consented to (Entra's on-behalf-of flow).

mod exchange;
mod per_caller;
mod user_demand;
mod user_token_error;
mod user_tokens;

pub use per_caller::PerCaller;
pub use user_demand::UserDemand;
pub use user_token_error::UserTokenError;
pub use user_tokens::{UserTokens, UserTokensStatus};
