//! The file a user writes, turned into domain types once. Every problem at once, each with its
//! place and a hint; nothing else in the program sees YAML. Text → tree (`located`) → `file` (as
//! written) → `resolve` (as meant).

mod definition;
mod file;
mod files;
mod resolve;
mod secret_ref;
mod value;

pub use crate::located::{Problem, Problems};
pub use definition::{AdminDefinition, Config, ReadinessRule, ShutdownDefinition};
pub use files::Files;
