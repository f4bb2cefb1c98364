//! A secret's place: `{ file: … }` or `{ env: … }`, exactly one. Never the secret itself. And what
//! gives a secret away that stands in the file nevertheless.

use serde_json::{Value as Json, json};

use crate::located::{FilePath, Masking, NodeId, Read, Reader, Scalar, Schemas, Value, Wrong};
use crate::secret::SecretSource;

/// What is never repeated in a message.
pub(super) const MASKING: Masking = Masking {
    keys: &["key", "pin", "sha256"],
    parts: &["secret", "passphrase", "password", "passwd"],
    endings: &["_key", "-key"],
    references: &[("file", |_| true), ("env", is_variable)],
    openings: &["eyJ", "Bearer ", "Basic "],
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
        let expected = "`{ file: … }` or `{ env: … }`";
        let complete = reader.keys(node, expected, &["file", "env"], &[])?;
        let tree = reader.tree();
        let wrong = match (tree.child(node, "file"), tree.child(node, "env")) {
            _ if !complete => return None,
            (Some(file), None) => {
                let FilePath(path) = FilePath::read(file, reader)?;
                return Some(Self(SecretSource::File(path)));
            }
            (None, Some(env)) => {
                let Variable(name) = Variable::read(env, reader)?;
                return Some(Self(SecretSource::Env(name)));
            }
            (Some(_), Some(_)) => "a secret comes from a file or from a variable, not from both",
            (None, None) => "expected `{ file: … }` or `{ env: … }`",
        };
        reader.problem(node, wrong);
        None
    }

    fn schema(schemas: &mut Schemas) -> Json {
        json!({
            "type": "object",
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": { "file": FilePath::schema(schemas), "env": Variable::schema(schemas) },
        })
    }
}

/// A variable's name. What is not one may be the secret itself: it is not quoted.
struct Variable(String);

/// Whether a text can be a variable's name.
pub(super) fn is_variable(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Scalar for Variable {
    const EXPECTED: &str = "the name of a variable";
    const PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if is_variable(text) {
            return Ok(Self(text.to_owned()));
        }
        let hint = "letters, digits and `_`, such as MAIL_CLIENT_SECRET";
        Err(Wrong::because("expected the name of a variable").hint(hint))
    }
}
