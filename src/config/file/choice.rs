//! The values of a route that are one thing or another: a word or a list, a word or a mapping.

use serde_json::{Value as Json, json};

use super::{Entry, FullProxy, OurToken};
use crate::config::value::CallerHeader;
use crate::located::{
    At, Form, HttpUrl, NodeId, Read, Reader, Scalar, Schemas, Value, Wrong, suggestion,
};
use crate::routing::CallerClaim;

#[derive(Debug)]
pub(in crate::config) enum Callers {
    /// The word.
    Public,
    /// Alternatives in file order, with how many were written.
    Entries(Vec<At<Entry>>, usize),
}

impl Callers {
    pub(in crate::config) fn entries(&self) -> &[At<Entry>] {
        match self {
            Self::Public => &[],
            Self::Entries(entries, _) => entries,
        }
    }
}

impl Read for Callers {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a list of entries or `public`";
        match reader.tree().value(node) {
            Value::Scalar { text, .. } if text == "public" => return Some(Self::Public),
            Value::List(items) if !items.is_empty() => {
                let entries = Vec::read(node, reader)?;
                return Some(Self::Entries(entries, items.len()));
            }
            Value::List(_) => reader
                .problem(node, "an empty list lets nobody in")
                .hint("name who may come in"),
            Value::Map(_) => reader
                .unexpected(node, expected)
                .hint("begin each entry with `- `"),
            Value::Scalar { text, .. } => {
                reader.unexpected(node, expected).hint = suggestion(text, ["public"]);
            }
            Value::Broken => {}
        }
        None
    }

    fn schema(schemas: &mut Schemas) -> Json {
        let entry = Entry::schema(schemas);
        json!({ "oneOf": [
            { "const": "public" },
            { "type": "array", "minItems": 1, "items": entry },
        ] })
    }
}

#[derive(Debug)]
pub(in crate::config) enum Token {
    /// The caller's own goes on.
    Forward,
    /// The gateway's.
    Ours(OurToken),
}

impl Read for Token {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if let Some((text, _)) = reader.scalar(node) {
            if text == "forward" {
                return Some(Self::Forward);
            }
            let hint = suggestion(text, ["forward"]);
            let hint = hint.unwrap_or_else(|| "leave `token` out to send nothing".to_owned());
            let expected = "`forward` or `{ identity: …, scope: … }`";
            reader.unexpected(node, expected).hint(hint);
            return None;
        }
        OurToken::read(node, reader).map(Self::Ours)
    }

    fn schema(schemas: &mut Schemas) -> Json {
        let ours = OurToken::schema(schemas);
        json!({ "oneOf": [{ "const": "forward" }, ours] })
    }
}

#[derive(Debug)]
pub(in crate::config) enum Proxy {
    /// Its URL.
    Bare(HttpUrl),
    /// With who we are to it.
    Full(FullProxy),
}

impl Read for Proxy {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if reader.scalar(node).is_some() {
            return HttpUrl::read(node, reader).map(Self::Bare);
        }
        FullProxy::read(node, reader).map(Self::Full)
    }

    fn schema(schemas: &mut Schemas) -> Json {
        let full = FullProxy::schema(schemas);
        json!({ "oneOf": [HttpUrl::described(), full] })
    }
}

#[derive(Debug)]
pub(in crate::config) struct CallerHeaders(
    pub(in crate::config) Vec<(At<CallerHeader>, CallerClaim)>,
);

impl Read for CallerHeaders {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let children = reader.map(node, "a mapping such as `{ X-Client-Id: azp }`")?;
        let mut headers = Vec::with_capacity(children.len());
        for &child in children {
            let header = CallerHeader::of_key(child, reader);
            let claim = CallerClaim::read(child, reader);
            if let (Some(value), Some(claim)) = (header, claim) {
                headers.push((At { value, node: child }, claim));
            }
        }
        Some(Self(headers))
    }

    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "type": "object", "additionalProperties": CallerClaim::schema(schemas) })
    }
}

/// `sha256:` of a key. It is not quoted: whoever has it can look for the key at leisure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) struct Sha256(pub(in crate::config) [u8; 32]);

impl Scalar for Sha256 {
    const EXPECTED: &str = "the 64 hexadecimal digits of a SHA-256";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^[0-9A-Fa-f]{64}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let length = text.chars().count();
        let hint = || (length != 64).then(|| format!("these are {length} characters"));
        decoded(text).map(Self).ok_or_else(|| Wrong::but(hint()))
    }
}

fn decoded(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] << 4 | pair[1]).ok();
    let bytes: Option<Vec<_>> = digits?.chunks(2).map(|pair| byte(pair.get(..2)?)).collect();
    bytes?.try_into().ok()
}
