//! How is JSON read that someone else wrote? All of it is Unicode, an object only, no known member
//! twice, and a member that is there with the wrong type, `null` included, is never taken for one
//! that is absent.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::TokenError;

/// The most strings an array may hold; a token of 16 KiB with more is no token of Entra's.
const MOST_VALUES: usize = 1024;

/// A member of an object: what it holds, where it is there.
#[derive(Clone, Debug, Default)]
pub struct Member(Option<Value>);

impl Member {
    /// Whether it is there, with whatever value.
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn into_value(self) -> Option<Value> {
        self.0
    }

    pub fn text(self, name: &'static str) -> Result<Option<String>, TokenError> {
        match self.0 {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenError::MalformedClaim(name)),
        }
    }

    /// Its whole seconds since the epoch, where it is there. RFC 7519 §2 would allow a fraction;
    /// Entra sends none, and rounding is a decision nobody should have to look up.
    pub(super) fn seconds(self, name: &'static str) -> Result<Option<u64>, TokenError> {
        match self.0 {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or(TokenError::MalformedClaim(name)),
        }
    }

    pub fn texts(self, name: &'static str) -> Result<Option<Vec<String>>, TokenError> {
        match self.0 {
            None => Ok(None),
            Some(Value::Array(values)) if values.len() <= MOST_VALUES => values
                .into_iter()
                .map(|value| Self(Some(value)).text(name))
                .collect(),
            Some(_) => Err(TokenError::MalformedClaim(name)),
        }
    }

    /// One string, or an array of one or more (RFC 7519 §4.1.3), where it is there.
    pub(super) fn text_or_texts(
        self,
        name: &'static str,
    ) -> Result<Option<Vec<String>>, TokenError> {
        match self.0 {
            Some(Value::String(text)) => Ok(Some(vec![text])),
            other => match Self(other).texts(name)? {
                Some(texts) if texts.is_empty() => Err(TokenError::MalformedClaim(name)),
                texts => Ok(texts),
            },
        }
    }
}

impl From<Option<Value>> for Member {
    fn from(value: Option<Value>) -> Self {
        Self(value)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

/// Reads a JSON object and nothing after it.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    // A derived struct would also be read from an array, by position.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(serde_json::Error::custom("not an object"));
    }
    let text = text(bytes).ok_or_else(|| serde_json::Error::custom("not Unicode"))?;
    serde_json::from_str(text)
}

/// JSON as the text it must be (RFC 8259 §8.1, §8.2). `None`: it is not UTF-8, or an escape in it
/// stands for half a character. The parser would look no further than at what is read, and two
/// readers would not make the same of the rest.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let first = memchr::memchr(b'\\', bytes);
    let whole = first.is_none_or(|first| has_whole_characters(&bytes[first..]));
    whole.then_some(text)
}

/// Whether every escaped surrogate has its other half beside it.
fn has_whole_characters(mut rest: &[u8]) -> bool {
    while let Some(escape) = memchr::memchr(b'\\', rest) {
        let (unit, behind) = match &rest[escape + 1..] {
            [b'u', behind @ ..] => (code_unit(behind), behind.get(4..).unwrap_or_default()),
            [_, behind @ ..] => (None, behind),
            [] => return true,
        };
        rest = behind;
        match unit {
            Some(0xD800..0xDC00) => match behind {
                [b'\\', b'u', low @ ..] if matches!(code_unit(low), Some(0xDC00..0xE000)) => {
                    rest = low.get(4..).unwrap_or_default();
                }
                _ => return false,
            },
            Some(0xDC00..0xE000) => return false,
            _ => {}
        }
    }
    true
}

/// The four hexadecimal digits of an escape; what is none is the parser's to refuse.
fn code_unit(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    let digit = |unit: u32, digit: &u8| Some(unit << 4 | char::from(*digit).to_digit(16)?);
    digits.iter().try_fold(0, digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_whole_characters_whoever_reads_it() {
        for (bytes, whole) in [
            (&b"{}"[..], true),
            (b"{\"a\":\"\xc3\xa9\"}", true),
            (b"{\"a\":\"\xc3\"}", false),
            (b"{\"\xff\":1}", false),
            (b"{\"a\":\"\xed\xa0\x80\"}", false),
            (br#"{"a":"\u00e9\n\/\\"}"#, true),
            (br#"{"a":"\ud83d\ude00\uD83D\uDE00"}"#, true),
            (br#"{"a":"\ud83d"}"#, false),
            (br#"{"a":"\ud83dx"}"#, false),
            (br#"{"a":"\ud83d\n"}"#, false),
            (br#"{"a":"\ud83d\u0041"}"#, false),
            (br#"{"a":"\ud83d\ud83d\ude00"}"#, false),
            (br#"{"a":"\ude00"}"#, false),
            (br#"{"a":"\\ude00"}"#, true),
            (br#"{"a":"\\\ude00"}"#, false),
            // What is cut or no escape is left to the parser.
            (br#"{"a":"\u12"#, true),
            (br#"{"a":"\"#, true),
            (br#"{"a":"\ud83d\ude0"#, false),
        ] {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(text(bytes).is_some(), whole, "{shown}");
        }
    }
}
