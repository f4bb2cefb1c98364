//! `--query`: as much of JMESPath as the pages and the scripts use.

use serde_json::Value;

/// Members (`a.b`), places (`[0]`), what fits (`[?a=='b']`), and one after the other (` | `).
pub fn followed(value: &Value, query: &str) -> Result<Value, String> {
    let mut stages = query.split(" | ");
    stages.try_fold(value.clone(), |value, stage| walked(&value, stage))
}

fn walked(value: &Value, path: &str) -> Result<Value, String> {
    if path.is_empty() || value.is_null() {
        return Ok(value.clone());
    }
    let unknown = || format!("--query: {path} of {value}");
    if let Some(rest) = path.strip_prefix("[?") {
        let (test, rest) = rest.split_once(']').ok_or_else(unknown)?;
        let (name, wanted) = test.split_once("==").ok_or_else(unknown)?;
        let items = value.as_array().ok_or_else(unknown)?;
        let fitting = items
            .iter()
            .filter(|it| it[name] == wanted.trim_matches('\''));
        return fitting
            .map(|it| walked(it, rest.trim_start_matches('.')))
            .collect();
    }
    if let Some(rest) = path.strip_prefix('[') {
        let (place, rest) = rest.split_once(']').ok_or_else(unknown)?;
        let place: usize = place.parse().map_err(|_| unknown())?;
        return walked(&value[place], rest.trim_start_matches('.'));
    }
    let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let member = value.get(name).ok_or_else(unknown)?;
    walked(member, rest.strip_prefix('.').unwrap_or(rest))
}

#[test]
fn a_query_is_read_as_az_reads_it() {
    let value = serde_json::json!({ "a": [{ "b": "x.y", "c": 1 }, { "b": "z", "c": 2 }], "d": [] });
    for (query, found) in [
        ("a[0].c", serde_json::json!(1)),
        ("a[?b=='x.y'].c", serde_json::json!([1])),
        ("a[?b=='x.y'].c | [0]", serde_json::json!(1)),
        ("a[?b=='none'].c | [0]", Value::Null),
        ("d[0].c", Value::Null),
    ] {
        assert_eq!(followed(&value, query), Ok(found), "{query}");
    }
    followed(&value, "e").unwrap_err();
}
