//! A secret's place: `{ file: … }` or `{ env: … }`, exactly one. Never the secret itself. And what
//! gives a secret away that stands in the file nevertheless.

use serde_json::{Value as Json, json};

use crate::located::{At, FilePath, Masking, NodeId, Read, Reader, Schemas, Value};
use crate::secret::SecretSource;

/// What is never repeated in a message.
pub(super) const MASKING: Masking = Masking {
    keys: &["key", "sha256"],
    parts: &["secret", "passphrase", "password", "passwd"],
    endings: &["_key", "-key"],
    references: &[("file", |_| true), ("env", is_variable)],
    openings: &["eyJ"],
    marks: &["-----BEGIN"],
};

/// Where a secret is to be read, as written: a file's path is still relative to the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretRef(pub(super) SecretSource);

impl Read for SecretRef {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Scalar { text, .. } = reader.tree().value(node)
            && !text.is_empty()
        {
            let key = reader.tree().key(node).to_owned();
            reader
                .problem(node, "a secret must not stand in this file")
                .hint(format_args!(
                    "write `{key}: {{ file: … }}` or `{key}: {{ env: … }}`"
                ));
            return None;
        }
        let children = reader.map(node, "`{ file: … }` or `{ env: … }`")?;
        reader.check_keys(node, &["file", "env"], &[]);
        let keys: Vec<_> = children
            .iter()
            .map(|&child| (reader.tree().key(child), child))
            .collect();
        match keys[..] {
            [("file", child)] => {
                let At {
                    value: FilePath(path),
                    ..
                } = At::read(child, reader)?;
                Some(Self(SecretSource::File(path)))
            }
            [("env", child)] => variable(child, reader).map(|name| Self(SecretSource::Env(name))),
            [("file" | "env", _), ("file" | "env", _)] => {
                reader.problem(
                    node,
                    "a secret comes from a file or from a variable, not from both",
                );
                None
            }
            [] => {
                reader.problem(node, "expected `{ file: … }` or `{ env: … }`");
                None
            }
            // The unknown key has been reported.
            _ => None,
        }
    }

    fn schema(schemas: &mut Schemas) -> Json {
        let path = FilePath::schema(schemas);
        json!({
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": { "file": path, "env": { "type": "string", "pattern": VARIABLE } },
        })
    }
}

const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// Whether a text can be a variable's name.
fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A variable's name. What is not one may be the secret itself: it is not quoted.
fn variable(node: NodeId, reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.text(node, "the name of a variable")?;
    if !is_variable(name) {
        reader
            .problem(node, "expected the name of a variable")
            .hint("letters, digits and `_`, such as MAIL_CLIENT_SECRET");
        return None;
    }
    Some(name.to_owned())
}
