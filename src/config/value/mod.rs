//! The single values of the file: durations and sizes with their units, GUIDs, addresses, URLs,
//! words out of a few. Each is parsed once, here, and says what it expected when it is not that.

mod address;
mod collection;
mod http_part;
mod measure;
mod text;
mod word;

pub(super) use address::HttpUrl;
pub(super) use collection::{Filled, Named};
pub(super) use http_part::{CallerHeader, KeptHeader, mean_everything};
pub(super) use measure::Size;
pub(super) use text::{FilePath, Name, Text};
pub(super) use word::{Level, Preserve, Verb};
