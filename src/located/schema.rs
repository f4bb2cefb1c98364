//! The JSON Schema (draft 2020-12) of declared objects, for editors. Gathered from the declarations
//! that read the file, so that neither can know a key the other does not. What a key is where it is
//! left out is its `default`, or stands in words in a paragraph of its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::field::{Declared, Field};
use super::reader::Read;

/// The objects that have been described.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    objects: BTreeMap<&'static str, Value>,
}

/// What a key's type says of it.
#[derive(Debug)]
pub(crate) struct Kind {
    required: bool,
    has_default: bool,
    schema: Value,
}

impl Schemas {
    /// The schema of a whole file that is one `Root`, known by that type's name.
    pub(crate) fn root<Root: Read>(name: &str, title: &str) -> Value {
        let mut schemas = Self::default();
        Root::schema(&mut schemas);
        let mut root = schemas.objects.remove(name).unwrap_or_default();
        root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        root["title"] = json!(title);
        root["$defs"] = json!(schemas.objects);
        root
    }

    /// Describes an object once and refers to it.
    pub(crate) fn object(
        &mut self,
        name: &'static str,
        about: &'static str,
        keys: &[Declared],
        kinds: impl FnOnce(&mut Self) -> Vec<Kind>,
    ) -> Value {
        if !self.objects.contains_key(name) {
            let kinds = kinds(self);
            let order: Vec<_> = keys.iter().map(Declared::key).collect();
            let mut properties = Map::new();
            let mut required = Vec::new();
            for (declared, kind) in keys.iter().zip(kinds) {
                if kind.required {
                    required.push(declared.key());
                }
                properties.insert(declared.key().to_owned(), property(declared, kind));
            }
            let mut object = json!({
                "type": "object",
                "additionalProperties": false,
                "properties": properties,
                "description": sentence(about),
                // The order in which they are declared; `properties` has none.
                "$comment": order.join(", "),
            });
            if !required.is_empty() {
                object["required"] = json!(required);
            }
            self.objects.insert(name, object);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// What a key of this type is.
    pub(crate) fn field<F: Field>(&mut self) -> Kind {
        let schema = F::Of::schema(self);
        Kind {
            required: F::REQUIRED,
            has_default: F::HAS_DEFAULT,
            schema,
        }
    }
}

fn property(declared: &Declared, kind: Kind) -> Value {
    let mut schema = kind.schema;
    let mut description = sentence(declared.about);
    if let [(least, most)] = declared.bounds {
        description.push_str(&format!("\n\nFrom {least} to {most}."));
    }
    match declared.absent.first() {
        Some(text) if kind.has_default => {
            schema["default"] = serde_saphyr::from_str(text).unwrap_or_else(|_| json!(text));
        }
        Some(words) => description.push_str(&format!("\n\nLeft out: {words}.")),
        None => {}
    }
    schema["description"] = json!(description);
    schema
}

/// Doc comments come with a space before each line.
fn sentence(about: &str) -> String {
    about.trim().replace("  ", " ")
}
