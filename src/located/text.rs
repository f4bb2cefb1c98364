//! Texts: any, a name, a GUID, a file's path.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::reader::{Read, Reader};
use super::schema::Schemas;
use super::tree::NodeId;
use crate::guid::Guid;

/// The longest text anywhere in the file.
const LONGEST_TEXT: usize = 4096;

/// Any text that is not empty and has no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// A name of our own making: of a listener, an issuer, an identity, a route, a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

/// A file's path, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath(pub(crate) PathBuf);

impl Text {
    fn parse(node: NodeId, reader: &mut Reader<'_>, expected: &str) -> Option<String> {
        let text = reader.text(node, expected)?;
        if text.is_empty() || text.len() > LONGEST_TEXT || text.chars().any(char::is_control) {
            let what = if text.is_empty() {
                "is empty"
            } else {
                "is too long or has control characters"
            };
            reader.problem(node, format!("expected {expected}; this {what}"));
            return None;
        }
        Some(text.to_owned())
    }
}

impl Read for Text {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        Self::parse(node, reader, "text").map(Self)
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Name {
    pub(super) const EXPECTED: &str = "a name of letters, digits, `-`, `_` and `.`, 64 at most";
    pub(super) const PATTERN: &str = "^[A-Za-z0-9._-]{1,64}$";

    pub(super) fn fits(text: &str) -> bool {
        (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    }
}

impl Read for Name {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node, Self::EXPECTED)?;
        if !Self::fits(text) {
            reader.unexpected(node, Self::EXPECTED);
            return None;
        }
        Some(Self(text.to_owned()))
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": Self::PATTERN })
    }
}

pub(crate) const GUID_PATTERN: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

impl Read for Guid {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a GUID such as 06b2a484-141c-42d3-9d73-32bec5910b06";
        let text = reader.text(node, expected)?;
        let guid = text.parse().ok();
        if guid.is_none() {
            let inner = text.strip_prefix("api://");
            let inner = inner.and_then(|rest| rest.parse::<Self>().ok());
            let found = reader.unexpected(node, expected);
            found.hint = inner.map(|guid| format!("write the GUID alone: {guid}"));
        }
        guid
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": GUID_PATTERN })
    }
}

impl Read for FilePath {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "the path of a file";
        if reader
            .scalar(node)
            .is_some_and(|(text, _)| text.contains(['\n', '\r']))
        {
            reader
                .problem(node, "expected the path of a file, found several lines")
                .hint("write the content to a file of its own and name it here");
            return None;
        }
        Text::parse(node, reader, expected).map(|path| Self(path.into()))
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
