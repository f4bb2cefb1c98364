//! The file a user writes, turned into domain types once. Every problem at once, each with its
//! place and a hint; nothing else in the program sees YAML. Text → `tree` → `file` (as written)
//! → `resolve` (as meant).

mod definition;
mod excerpt;
mod file;
mod mask;
mod object;
mod plain;
mod problem;
mod reader;
mod resolve;
mod schema;
mod secret_ref;
mod tree;
mod value;

pub use definition::{Config, ShutdownDefinition};
pub use excerpt::Excerpt;
pub use problem::{Problem, Problems};
