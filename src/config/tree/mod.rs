//! What does the text say, before anyone asks whether it makes sense? YAML (and so JSON) as a tree
//! in which every node knows its place and its path.

mod builder;
mod node;

pub(super) use node::{Found, Mark, NodeId, Tree, Unreadable, Value};
