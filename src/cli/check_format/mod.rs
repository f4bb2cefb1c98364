//! `check` for machines: what was found as plain data, and one renderer for each form in which it is asked
//! for. People read the table and the excerpts; those are printed by `check` itself.

mod format;
mod github;
mod json;
mod report;
mod sarif;

pub(super) use format::Format;
pub(super) use report::{Report, Tried};
