//! Keeping many fresh, one for each key, for whoever comes with what a fetch of it needs, which itself is
//! kept nowhere. What a key was refused is remembered for a moment; where everybody fails, the other side
//! is left alone. All of it within bounds.

mod keeper;
mod kept;
mod source;
mod state;

pub use keeper::{ByKey, Room};
pub use source::{KeyedFailure, KeyedSource};
pub use state::KeyedStatus;
