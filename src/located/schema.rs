//! The JSON Schema (draft 2020-12) of declared objects, for editors. Gathered from the declarations
//! that read the file, so that neither can know a key the other does not. What a key is where it is
//! left out is its `default`, or stands in words in a paragraph of its own.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::field::{Declared, Field};
use super::reader::Read;

#[derive(Debug, Default)]
pub(crate) struct Schemas {
    objects: BTreeMap<&'static str, Value>,
}

#[derive(Debug)]
pub(crate) struct Key {
    name: &'static str,
    required: bool,
    schema: Value,
}

pub(crate) type Describe = fn(&mut Schemas, &Declared) -> Key;

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
        kinds: &[Describe],
    ) -> Value {
        if !self.objects.contains_key(name) {
            let keys = keys.iter().zip(kinds);
            let keys: Vec<_> = keys.map(|(key, describe)| describe(self, key)).collect();
            let order: Vec<_> = keys.iter().map(|key| key.name).collect();
            let required = keys.iter().filter(|key| key.required);
            let required: Vec<_> = required.map(|key| key.name).collect();
            let properties = keys
                .into_iter()
                .map(|key| (key.name.to_owned(), key.schema));
            let mut object = json!({
                "type": "object",
                "additionalProperties": false,
                "properties": Map::from_iter(properties),
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

    /// Describes a key of this type.
    pub(crate) fn key<F: Field>(&mut self, declared: &Declared) -> Key {
        let mut schema = F::Of::schema(self);
        let mut description = sentence(declared.about);
        if let [(least, most)] = declared.bounds {
            description.push_str(&format!("\n\nFrom {least} to {most}."));
        }
        match declared.absent.first() {
            Some(text) if F::HAS_DEFAULT => {
                schema["default"] = serde_saphyr::from_str(text).unwrap_or_else(|_| json!(text));
            }
            Some(words) => description.push_str(&format!("\n\nLeft out: {words}.")),
            None => {}
        }
        schema["description"] = json!(description);
        let (name, required) = (declared.key(), F::REQUIRED);
        Key {
            name,
            required,
            schema,
        }
    }
}

/// Doc comments come with a space before each line.
fn sentence(about: &str) -> String {
    about.trim().replace("  ", " ")
}
