//! Booleans, numbers, and measures with their units.

use std::time::Duration;

use bytesize::ByteSize;
use serde_json::{Value as Json, json};

use super::masking::shown;
use super::plain::Plain;
use super::reader::{Read, Reader};
use super::schema::Schemas;
use super::tree::NodeId;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Size(pub(crate) u64);

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl From<Size> for usize {
    /// Saturating: as many bytes as this machine can count.
    fn from(size: Size) -> Self {
        Self::try_from(size.0).unwrap_or(Self::MAX)
    }
}

impl Read for bool {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        match reader.scalar(node) {
            Some(("true", true)) => Some(true),
            Some(("false", true)) => Some(false),
            _ => {
                reader.unexpected(node, "`true` or `false`");
                None
            }
        }
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "boolean" })
    }
}

impl Read for usize {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let number = match reader.scalar(node) {
            Some((text, true)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text
                .parse::<u32>()
                .ok()
                .and_then(|number| Self::try_from(number).ok()),
            _ => None,
        };
        if number.is_none() {
            reader.unexpected(node, "a whole number");
        }
        number
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl Read for Duration {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a duration with its unit, such as `500ms`, `30s`, `5m` or `1h30m`";
        let text = reader.scalar(node).map(|(text, _)| text);
        let duration = text
            .filter(|text| has_units(text, &["ms", "s", "m", "h", "d"]))
            .and_then(|text| humantime::parse_duration(text).ok());
        if duration.is_none() {
            let bare = text.filter(|text| Plain::of(text) == Plain::Number);
            let found = reader.unexpected(node, expected);
            if let Some(number) = bare {
                found.hint(format_args!(
                    "write `{}s` if seconds are meant",
                    shown(number)
                ));
            }
        }
        duration
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$" })
    }
}

impl Read for Size {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a size with its unit, such as `512B`, `64KiB` or `100MiB`";
        let text = reader.scalar(node).map(|(text, _)| text);
        let size = text
            .filter(|text| has_units(text, &["B", "KiB", "MiB", "GiB"]))
            .and_then(|text| text.parse::<ByteSize>().ok());
        if size.is_none() {
            let binary = text.and_then(|text| {
                let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
                match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
                    "" => Some(format!("{digits}B")),
                    "k" | "kb" | "ki" | "kib" => Some(format!("{digits}KiB")),
                    "m" | "mb" | "mi" | "mib" => Some(format!("{digits}MiB")),
                    "g" | "gb" | "gi" | "gib" => Some(format!("{digits}GiB")),
                    _ => None,
                }
                .filter(|_| digits.parse::<u64>().is_ok())
            });
            let found = reader.unexpected(node, expected);
            found.hint = binary.map(|size| format!("did you mean `{}`?", shown(&size)));
        }
        size.map(|size| Self(size.as_u64()))
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" })
    }
}

/// Whether a text is whole numbers, each with one of these units.
fn has_units(text: &str, units: &[&str]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        if unit.len() == rest.len() || rest.len() - unit.len() > 15 {
            return false;
        }
        rest = unit.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
        if !units.contains(&&unit[..unit.len() - rest.len()]) {
            return false;
        }
    }
    !text.is_empty()
}
