//! Lists, and mappings whose keys the file chooses.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::field::At;
use super::masking::shown;
use super::reader::{Read, Reader};
use super::scalar::Scalar;
use super::schema::Schemas;
use super::text::Name;
use super::tree::NodeId;

/// A list that, where it is written, holds something: an empty one would read as *nobody* here and
/// as *anybody* there.
#[derive(Clone, Debug)]
pub(crate) struct Filled<T>(pub(crate) Vec<At<T>>);

/// Values by names that the file chooses, in file order.
#[derive(Debug)]
pub(crate) struct Named<T> {
    /// The names, with their values where those could be read.
    pub(crate) entries: Vec<(At<String>, Option<T>)>,
}

impl<T: Read> Read for Filled<T> {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        if list::<T>(node, reader)?.is_empty() {
            reader
                .problem(node, "an empty list says nothing")
                .hint("name at least one");
            return None;
        }
        Vec::read(node, reader).map(Self)
    }

    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "type": "array", "minItems": 1, "items": T::schema(schemas) })
    }
}

/// The items; where one value stands without its brackets, they are what is missing.
fn list<'r, T: Read>(node: NodeId, reader: &mut Reader<'r>) -> Option<&'r [NodeId]> {
    let alone = match reader.scalar(node) {
        Some((text, plain)) if T::IS_SCALAR && plain && !reader.tree().is_sensitive(node) => {
            Some(text).filter(|text| !text.is_empty() && !text.contains([',', '[', ']']))
        }
        _ => None,
    };
    let Some(text) = alone else {
        return reader.list(node, "a list");
    };
    reader
        .unexpected(node, "a list")
        .hint(format_args!("write `[{}]`", shown(text)));
    None
}

impl<T> Filled<T> {
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|at| &at.value)
    }
}

impl<T: Read> Read for Vec<At<T>> {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let items = list::<T>(node, reader)?.iter();
        Some(items.filter_map(|&item| At::read(item, reader)).collect())
    }

    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "type": "array", "items": T::schema(schemas) })
    }
}

impl<T: Read> Read for Named<T> {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let children = reader.map(node, "a mapping from names")?;
        let entry = |&node: &NodeId| {
            let value = reader.tree().key(node).to_owned();
            if Name::parse(&value).is_err() {
                reader.key_problem(node, format!("expected {} as a key", Name::EXPECTED));
            }
            (At { value, node }, T::read(node, reader))
        };
        let entries = children.iter().map(entry).collect();
        Some(Self { entries })
    }

    fn schema(schemas: &mut Schemas) -> Json {
        json!({
            "type": "object",
            "propertyNames": { "pattern": Name::PATTERN },
            "additionalProperties": T::schema(schemas),
        })
    }
}

impl<T> Named<T> {
    /// The values that could be read, with their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&At<String>, &T)> {
        self.entries
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    /// What is made of each. All are made before any is missed, so that every problem is seen.
    pub(crate) fn each<D>(
        &self,
        mut make: impl FnMut(&At<String>, &T) -> Option<D>,
    ) -> Option<Vec<D>> {
        let made: Vec<_> = self.iter().map(|(name, value)| make(name, value)).collect();
        made.into_iter().collect()
    }

    pub(crate) fn by_name(&self) -> HashMap<&str, Option<&T>> {
        self.entries
            .iter()
            .map(|(name, value)| (name.value.as_str(), value.as_ref()))
            .collect()
    }
}
