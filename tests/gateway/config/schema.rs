//! The schema is fresh, and knows the keys that the samples and the reference show.

use std::collections::BTreeSet;
use std::fs;

use bearergate::config::Config;
use serde_json::Value;

use super::{BLESS, as_json};

const SCHEMA: &str = "config/bearergate.schema.json";

#[test]
fn the_schema_is_fresh() {
    let printed = format!("{:#}\n", Config::schema());
    if std::env::var_os(BLESS).is_some() {
        fs::write(SCHEMA, &printed).unwrap();
    }
    let kept = fs::read_to_string(SCHEMA).unwrap_or_default();
    assert!(
        kept == printed,
        "{SCHEMA} is stale: run this test with {BLESS}=1"
    );
}

#[test]
fn full_yaml_shows_every_key_of_the_schema_and_no_other() {
    let schema = Config::schema();
    let mut known = BTreeSet::new();
    keys_of_schema(&schema, &schema, "", &mut known);
    let mut shown = BTreeSet::new();
    let full = as_json(&fs::read_to_string("config/full.yaml").unwrap());
    keys_of_file(&full, &schema, &schema, "", &mut shown);
    let hidden: Vec<_> = known.difference(&shown).collect();
    let unknown: Vec<_> = shown.difference(&known).collect();
    assert!(
        hidden.is_empty() && unknown.is_empty(),
        "hidden {hidden:?}, unknown {unknown:?}"
    );
    assert!(
        known.len() > 90,
        "{} keys: the walk has lost its way",
        known.len()
    );
}

/// Every key the schema has, as a path; `*` for a name that the file chooses.
fn keys_of_schema(node: &Value, root: &Value, path: &str, keys: &mut BTreeSet<String>) {
    for node in alternatives(node, root) {
        for (key, child) in node["properties"].as_object().into_iter().flatten() {
            let path = key_path(path, key, node);
            keys_of_schema(child, root, &path, keys);
            keys.insert(path);
        }
        if node["additionalProperties"].is_object() {
            keys_of_schema(
                &node["additionalProperties"],
                root,
                &format!("{path}.*"),
                keys,
            );
        }
        if node["items"].is_object() {
            keys_of_schema(&node["items"], root, path, keys);
        }
    }
}

/// Every key a file has, in the same form.
fn keys_of_file(
    value: &Value,
    node: &Value,
    root: &Value,
    path: &str,
    keys: &mut BTreeSet<String>,
) {
    let nodes = alternatives(node, root);
    if let Some(items) = value.as_array() {
        let inner = nodes
            .iter()
            .find(|node| node["items"].is_object())
            .map_or(&Value::Null, |node| &node["items"]);
        items
            .iter()
            .for_each(|item| keys_of_file(item, inner, root, path, keys));
    }
    for (key, child) in value.as_object().into_iter().flatten() {
        let known = nodes
            .iter()
            .find(|node| node["properties"][key].is_object());
        let free = nodes
            .iter()
            .find(|node| node["additionalProperties"].is_object());
        match (known, free) {
            (Some(node), _) => {
                let path = key_path(path, key, node);
                keys_of_file(child, &node["properties"][key], root, &path, keys);
                keys.insert(path);
            }
            (None, Some(node)) => {
                keys_of_file(
                    child,
                    &node["additionalProperties"],
                    root,
                    &format!("{path}.*"),
                    keys,
                );
            }
            (None, None) => {
                keys.insert(format!("{path}.{key}"));
            }
        }
    }
}

/// Where only one of several keys may stand, one of them shows them all.
fn key_path(path: &str, key: &str, node: &Value) -> String {
    match node["maxProperties"].as_u64() {
        Some(1) => format!("{path}.(one of them)"),
        _ => format!("{path}.{key}"),
    }
}

/// A schema's node, references followed and alternatives spread out.
fn alternatives<'s>(node: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    if let Some(name) = node["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        assert!(root["$defs"][name].is_object(), "{name} is not defined");
        return alternatives(&root["$defs"][name], root);
    }
    match node["oneOf"].as_array() {
        Some(nodes) => nodes
            .iter()
            .flat_map(|node| alternatives(node, root))
            .collect(),
        None => vec![node],
    }
}
