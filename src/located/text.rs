//! Texts: any, a name, a GUID, a file's path.

use std::path::PathBuf;
use std::sync::Arc;

use super::scalar::{Scalar, Wrong};
use crate::guid::Guid;

/// The longest text anywhere in the file.
const LONGEST_TEXT: usize = 4096;

/// Any text that is not empty and has no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// A name of our own making: of a listener, an issuer, an identity, a route, a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath(pub(crate) PathBuf);

impl From<&Name> for Arc<str> {
    fn from(name: &Name) -> Self {
        name.0.as_str().into()
    }
}

impl Scalar for Text {
    const EXPECTED: &str = "text";

    fn parse(text: &str) -> Result<Self, Wrong> {
        checked(text, Self::EXPECTED).map(Self)
    }
}

impl Scalar for Name {
    const EXPECTED: &str = "a name of letters, digits, `-`, `_` and `.`, 64 at most";
    const PATTERN: &str = "^[A-Za-z0-9._-]{1,64}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(Wrong::default()),
        }
    }
}

impl Scalar for Guid {
    const EXPECTED: &str = "a GUID such as 06b2a484-141c-42d3-9d73-32bec5910b06";
    const PATTERN: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let inner = |text: &str| text.strip_prefix("api://")?.parse::<Self>().ok();
        let hint = |guid| format!("write the GUID alone: {guid}");
        text.parse().map_err(|_| Wrong::but(inner(text).map(hint)))
    }
}

impl Scalar for FilePath {
    const EXPECTED: &str = "the path of a file";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains(['\n', '\r']) {
            let message = "expected the path of a file, found several lines";
            let hint = "write the content to a file of its own and name it here";
            return Err(Wrong::because(message).hint(hint));
        }
        checked(text, Self::EXPECTED).map(|path| Self(path.into()))
    }
}

fn checked(text: &str, expected: &str) -> Result<String, Wrong> {
    let what = if text.is_empty() {
        "is empty"
    } else if text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
        "is too long or has control characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(Wrong::because(format_args!(
        "expected {expected}; this {what}"
    )))
}
