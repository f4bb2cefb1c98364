//! The composition root: a configuration made alive, and how it listens, changes and ends.
//! `compose` keeps what is defined as before, `listen` binds and accepts, `reload` swaps the plan
//! under those who are served, `drain` waits for them.

mod compose;
mod descriptors;
mod drain;
mod listen;
mod reload;
mod start;

pub use compose::ComposeError;
pub use listen::{Bound, StartError};
pub use reload::{ReloadError, Reloaded};
pub use start::App;
