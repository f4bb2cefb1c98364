//! One of a few words.

use super::reader::Reader;
use super::suggestion::suggestion;
use super::tree::NodeId;

/// So many words are listed where none of them stands.
const MOST_LISTED: usize = 10;

pub(crate) fn word<T: Copy>(
    node: NodeId,
    reader: &mut Reader<'_>,
    words: &[(&str, T)],
) -> Option<T> {
    let listed: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    let expected = match &listed[..] {
        [first @ .., last] if (2..=MOST_LISTED).contains(&listed.len()) => {
            format!("{} or {last}", first.join(", "))
        }
        [first @ .., _] if listed.len() > MOST_LISTED => {
            format!("one of {}, …", first[..MOST_LISTED].join(", "))
        }
        _ => listed.join(", "),
    };
    let Some((text, _)) = reader.scalar(node) else {
        reader.unexpected(node, &expected);
        return None;
    };
    let meant = words.iter().find(|(word, _)| *word == text);
    if meant.is_none() {
        let hint = suggestion(text, words.iter().map(|(word, _)| *word));
        reader.unexpected(node, &expected).hint = hint;
    }
    meant.map(|(_, value)| *value)
}

/// The words of a type of the domain.
macro_rules! words {
    ($($kind:ty: $words:expr;)*) => { $(
        impl $crate::located::Read for $kind {
            const IS_SCALAR: bool = true;

            fn read(node: $crate::located::NodeId, reader: &mut $crate::located::Reader<'_>) -> Option<Self> {
                $crate::located::word(node, reader, $words)
            }

            fn schema(_: &mut $crate::located::Schemas) -> serde_json::Value {
                let words: &[(&str, $kind)] = $words;
                serde_json::json!({ "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
            }
        }
    )* };
}
pub(crate) use words;
