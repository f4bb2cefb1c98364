//! How is JSON read that someone else wrote? An object only, no known member twice, and a member
//! that is there with the wrong type, `null` included, is never taken for one that is absent.

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
    serde_json::from_slice(bytes)
}
