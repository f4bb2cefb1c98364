//! What an assertion claims beside what makes it one: JSON as far as people write it.

use serde_json::{Map, Number, Value as Json, json};

use crate::entra::AssertionClaims;
use crate::located::{NodeId, Read, Reader, Schemas, Text, Value};

/// The longest name of a claim; many are URLs.
const LONGEST_NAME: usize = 256;

impl Read for AssertionClaims {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let children = reader.map(node, "a mapping such as `{ client_ip: 203.0.113.7 }`")?;
        let claims: Vec<_> = children.iter().map(|&child| claim(child, reader)).collect();
        let claims: Map<_, _> = claims.into_iter().collect::<Option<_>>()?;
        let claims = Self::new(claims);
        claims
            .map_err(|why| reader.problem(node, why.to_string()))
            .ok()
    }

    fn schema(_: &mut Schemas) -> Json {
        let one = ["string", "number", "boolean"];
        json!({
            "type": "object",
            "additionalProperties": {
                "type": ["string", "number", "boolean", "array"],
                "items": { "type": one },
            },
        })
    }
}

fn claim(node: NodeId, reader: &mut Reader<'_>) -> Option<(String, Json)> {
    let name = reader.tree().key(node).to_owned();
    let is_name = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_name {
        reader.key_problem(
            node,
            "expected the name of a claim, of printable ASCII without spaces",
        );
    }
    let value = match reader.tree().value(node) {
        Value::List(items) => {
            let values: Vec<_> = items.iter().map(|&item| value(item, reader)).collect();
            values.into_iter().collect::<Option<_>>().map(Json::Array)
        }
        _ => value(node, reader),
    };
    Some((name, value?)).filter(|_| is_name)
}

/// What stands without quotes as JSON would have it is that; anything else is text.
fn value(node: NodeId, reader: &mut Reader<'_>) -> Option<Json> {
    if let Some((text, true)) = reader.scalar(node) {
        match text {
            "true" => return Some(Json::Bool(true)),
            "false" => return Some(Json::Bool(false)),
            _ => {}
        }
        if let Ok(number) = text.parse::<Number>() {
            return Some(Json::Number(number));
        }
    }
    let text = Text::read(node, reader)?;
    Some(Json::String(text.0))
}
