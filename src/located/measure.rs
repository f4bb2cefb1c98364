//! Booleans, numbers, and measures with their units.

use std::time::Duration;

use bytesize::ByteSize;
use serde_json::{Value as Json, json};

use super::masking::shown;
use super::plain::Plain;
use super::scalar::{Form, Scalar, Wrong};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Size(u64);

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

impl Scalar for bool {
    const EXPECTED: &str = "`true` or `false`";
    const FORM: Form = Form::Bare;

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| Wrong::default())
    }

    fn described() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Scalar for usize {
    const EXPECTED: &str = "a whole number";
    const FORM: Form = Form::Bare;

    fn parse(text: &str) -> Result<Self, Wrong> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|_| digits);
        number
            .and_then(|number| number.try_into().ok())
            .ok_or_else(Wrong::default)
    }

    fn described() -> Json {
        json!({ "type": "integer", "minimum": 0 })
    }
}

impl Scalar for Duration {
    const EXPECTED: &str = "a duration with its unit, such as `500ms`, `30s`, `5m` or `1h30m`";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^([0-9]+(ms|s|m|h|d))+$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let seconds = || format!("write `{}s` if seconds are meant", shown(text));
        let hint = || (Plain::of(text) == Plain::Number).then(seconds);
        Some(text)
            .filter(|text| has_units(text, &["ms", "s", "m", "h", "d"]))
            .and_then(|text| humantime::parse_duration(text).ok())
            .ok_or_else(|| Wrong::but(hint()))
    }
}

impl Scalar for Size {
    const EXPECTED: &str = "a size with its unit, such as `512B`, `64KiB` or `100MiB`";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^[0-9]+(B|KiB|MiB|GiB)$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        Some(text)
            .filter(|text| has_units(text, &["B", "KiB", "MiB", "GiB"]))
            .and_then(|text| text.parse::<ByteSize>().ok())
            .map(|size| Self(size.as_u64()))
            .ok_or_else(|| Wrong::but(binary(text)))
    }
}

/// The size that was meant where only its unit is none.
fn binary(text: &str) -> Option<String> {
    let digits = text.trim_end_matches(|last: char| !last.is_ascii_digit());
    let unit = match &*text[digits.len()..].trim().to_ascii_lowercase() {
        "" => "B",
        "k" | "kb" | "ki" | "kib" => "KiB",
        "m" | "mb" | "mi" | "mib" => "MiB",
        "g" | "gb" | "gi" | "gib" => "GiB",
        _ => return None,
    };
    let number = digits.parse::<u64>().is_ok();
    number.then(|| format!("did you mean `{}`?", shown(&format!("{digits}{unit}"))))
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
