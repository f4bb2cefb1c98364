//! `bearergate setup`: what has to be done elsewhere, from what the configuration says.

mod apis;
mod applications;
mod entra;
mod exchange;
mod script;
mod users;

pub(super) use entra::SetupEntra;
