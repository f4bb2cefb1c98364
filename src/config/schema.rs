//! The JSON Schema of the file (draft 2020-12), for editors. Gathered from the same declarations
//! that read the file, so that neither can know a key the other does not.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::file::File;
use super::reader::Read;

/// The objects that have been described.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    objects: BTreeMap<&'static str, Value>,
}

/// A key of an object.
#[derive(Debug)]
pub(super) struct Property {
    /// Its name in the file.
    pub(super) key: &'static str,
    /// What it says.
    pub(super) about: &'static str,
    /// Whether it must be there.
    pub(super) required: bool,
    /// What it holds.
    pub(super) schema: Value,
}

/// The schema of the whole file.
pub(super) fn schema() -> Value {
    let mut schemas = Schemas::default();
    File::schema(&mut schemas);
    let mut root = schemas.objects.remove("File").unwrap_or_default();
    if let Some(root) = root.as_object_mut() {
        root.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        root.insert(
            "title".to_owned(),
            json!("bearergate configuration, version 1"),
        );
        root.insert("$defs".to_owned(), json!(schemas.objects));
    }
    root
}

impl Schemas {
    /// Describes an object once and refers to it.
    pub(super) fn object(
        &mut self,
        name: &'static str,
        about: &'static str,
        properties: impl FnOnce(&mut Self) -> Vec<Property>,
    ) -> Value {
        if !self.objects.contains_key(name) {
            let properties = properties(self);
            let required: Vec<_> = properties
                .iter()
                .filter(|property| property.required)
                .map(|property| property.key)
                .collect();
            let mut described = Map::new();
            for property in properties {
                described.insert(
                    property.key.to_owned(),
                    with_description(property.schema, property.about),
                );
            }
            let mut object = json!({
                "type": "object",
                "additionalProperties": false,
                "properties": described,
                "description": sentence(about),
            });
            if !required.is_empty() {
                object["required"] = json!(required);
            }
            self.objects.insert(name, object);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

fn with_description(mut schema: Value, about: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(sentence(about)));
    }
    schema
}

/// Doc comments come with a space before each line.
fn sentence(about: &str) -> String {
    about.trim().replace("  ", " ")
}
