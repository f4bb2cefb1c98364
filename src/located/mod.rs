//! YAML with places: a text becomes a tree, a tree becomes declared objects, and every mistake is
//! kept with its place, its path and a hint. Knows no word of this product; what is secret is told
//! to it. Reads no file and prints nothing.

mod address;
mod builder;
mod collection;
mod excerpt;
mod field;
mod indentation;
mod masking;
mod measure;
mod mistake;
mod object;
mod parser;
mod plain;
mod problem;
mod reader;
mod scalar;
mod schema;
mod suggestion;
mod text;
mod tree;
mod word;

pub(crate) use address::HttpUrl;
pub(crate) use collection::{Filled, Named};
pub(crate) use field::{At, Declared, Field, May, Must, Or, is_default};
pub(crate) use masking::{Masking, shown, visible};
pub(crate) use measure::Size;
pub(crate) use object::object;
pub use problem::{Problem, Problems};
pub(crate) use reader::{Read, Reader};
pub(crate) use scalar::{Form, Scalar, Wrong};
pub(crate) use schema::{Describe, Schemas};
pub(crate) use suggestion::suggestion;
pub(crate) use text::{FilePath, Name, Text};
pub(crate) use tree::{Found, NodeId, Tree, Value};
pub(crate) use word::{word, words};
