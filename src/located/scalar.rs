//! A value that is written as one scalar: what is expected of its text, and what is said of a text
//! that is something else.

use serde_json::{Value as Json, json};

use super::masking::shown;
use super::plain::Plain;
use super::reader::{Read, Reader};
use super::schema::Schemas;
use super::tree::NodeId;

/// A type that one scalar is read as.
pub(crate) trait Scalar: Sized {
    /// Stands between `expected` and `, found`.
    const EXPECTED: &str;
    const FORM: Form = Form::Text;
    /// What editors hold it to; empty for any text.
    const PATTERN: &str = "";

    fn parse(text: &str) -> Result<Self, Wrong>;

    fn described() -> Json {
        match Self::PATTERN {
            "" => json!({ "type": "string", "minLength": 1 }),
            pattern => json!({ "type": "string", "pattern": pattern }),
        }
    }
}

/// How a scalar may stand in the file.
pub(crate) enum Form {
    /// With quotes, where YAML takes it for a number, a boolean or nothing without them.
    Text,
    /// Without quotes.
    Bare,
    Any,
}

/// Why a text is no such value; without a message it is not what was expected.
#[derive(Default)]
pub(crate) struct Wrong {
    message: Option<String>,
    hint: Option<String>,
}

impl Wrong {
    /// Says what to write instead of what was not expected, where that is known.
    pub(crate) fn but(hint: Option<String>) -> Self {
        let message = None;
        Self { message, hint }
    }

    pub(crate) fn because(message: impl ToString) -> Self {
        let message = Some(message.to_string());
        Self {
            message,
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl ToString) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl<T: Scalar> Read for T {
    const IS_SCALAR: bool = true;

    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let Some((text, plain)) = reader.scalar(node) else {
            reader.mismatch(node, T::EXPECTED);
            return None;
        };
        let kind = Plain::of(text);
        let wrong = match T::FORM {
            Form::Text if plain && kind != Plain::Text => {
                let quotable = kind != Plain::Nothing && !reader.tree().is_sensitive(node);
                let quoted = || format!("if text is meant, write \"{}\"", shown(text));
                Wrong::but(quotable.then(quoted))
            }
            Form::Bare if !plain => Wrong::default(),
            Form::Text | Form::Bare | Form::Any => match T::parse(text) {
                Ok(value) => return Some(value),
                Err(wrong) => wrong,
            },
        };
        let curly = |edge: char| matches!(edge, '\u{2018}'..='\u{201f}');
        let typographic =
            (text.starts_with(curly) && !reader.tree().is_sensitive(node)).then(|| {
                format!(
                    "these are typographic quotation marks; write \"{}\"",
                    shown(text.trim_matches(curly))
                )
            });
        let found = match wrong.message {
            Some(message) => reader.problem(node, message),
            None => reader.unexpected(node, T::EXPECTED),
        };
        found.hint = wrong.hint.or(typographic);
        None
    }

    fn schema(_: &mut Schemas) -> Json {
        T::described()
    }
}
