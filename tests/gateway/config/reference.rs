//! The reference and `full.yaml` say of each key what is declared of it in the code: they are
//! written out of the schema, which is made of the declarations.

use std::fs;

use bearergate::config::Config;
use serde_json::Value;

use super::BLESS;

const REFERENCE: &str = "docs/config.md";
const FULL: &str = "config/full.yaml";
/// Where comments begin in `full.yaml`.
const COLUMN: usize = 46;

#[test]
fn the_reference_says_of_each_key_what_is_declared() {
    let schema = Config::schema();
    let kept = fs::read_to_string(REFERENCE).unwrap();
    let mut written = String::new();
    let mut tables = Vec::new();
    let mut lines = kept.lines().peekable();
    while let Some(line) = lines.next() {
        written.push_str(line);
        written.push('\n');
        let Some(name) = line.strip_prefix("<!-- keys of ") else {
            continue;
        };
        let name = name.strip_suffix(" -->").unwrap();
        for _ in 0..2 {
            written.push_str(lines.next().unwrap());
            written.push('\n');
        }
        while lines.next_if(|line| line.starts_with('|')).is_some() {}
        object(&schema, name).for_each(|key| written.push_str(&key.row(&kept)));
        tables.push(name);
    }
    compare(REFERENCE, &kept, &written);
    let objects = schema["$defs"].as_object().unwrap().keys();
    let missing: Vec<_> = objects
        .filter(|name| !tables.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "no table of {missing:?} in {REFERENCE}");
}

#[test]
fn full_yaml_says_of_each_key_what_is_declared() {
    let schema = Config::schema();
    let kept = fs::read_to_string(FULL).unwrap();
    let mut written = String::new();
    let mut above: Vec<(usize, &Value)> = Vec::new();
    let mut told = Vec::new();
    for line in kept.lines() {
        let code = line.split(" #").next().unwrap().trim_end();
        let item = code.trim_start_matches([' ', '-']);
        let indent = code.len() - item.len();
        let key = item.split_once(':').map(|(key, _)| key);
        let Some(key) = key.filter(|key| !key.contains(['{', '#', ' '])) else {
            written.push_str(line);
            written.push('\n');
            continue;
        };
        above.retain(|(outer, _)| *outer < indent);
        let node = above.last().map_or(&schema, |(_, node)| node);
        let alternatives = alternatives(node, &schema);
        let declared = alternatives
            .iter()
            .find_map(|node| node["properties"].get(key));
        let free = alternatives.iter().find_map(|node| {
            node["additionalProperties"]
                .as_object()
                .map(|_| &node["additionalProperties"])
        });
        above.push((indent, declared.or(free).unwrap_or(&Value::Null)));
        let mut code = code.to_owned();
        let key = declared.and_then(|property| {
            let owner = alternatives
                .iter()
                .find(|node| node["properties"].get(key).is_some())?;
            Some(Key {
                name: key,
                owner,
                property,
            })
        });
        let default = key.as_ref().and_then(Key::default);
        if let Some(default) = default.filter(|default| default != "{}") {
            let end = code.find(": ").unwrap() + 2;
            code = format!("{}{default}", &code[..end]);
        }
        // What has been said once is not said again.
        let comment = key.map(|key| (key.property, key.comment()));
        match comment
            .filter(|(property, _)| !told.iter().any(|other| std::ptr::eq(*other, *property)))
        {
            Some((property, comment)) => {
                told.push(property);
                written.push_str(&format!("{code:COLUMN$} # {comment}\n"));
            }
            None => written.push_str(&format!("{code}\n")),
        }
    }
    compare(FULL, &kept, &written);
}

fn compare(path: &str, kept: &str, written: &str) {
    if std::env::var_os(BLESS).is_some() {
        fs::write(path, written).unwrap();
        return;
    }
    let differs = kept
        .lines()
        .zip(written.lines())
        .find(|(kept, written)| kept != written);
    assert!(
        kept == written,
        "{path} is stale, run this test with {BLESS}=1: {differs:?}"
    );
}

/// A key as the schema has it.
struct Key<'s> {
    name: &'s str,
    owner: &'s Value,
    property: &'s Value,
}

fn object<'s>(schema: &'s Value, name: &str) -> impl Iterator<Item = Key<'s>> {
    let owner = match name {
        "File" => schema,
        name => &schema["$defs"][name],
    };
    let order = owner["$comment"]
        .as_str()
        .unwrap_or_else(|| panic!("no object {name}"));
    order.split(", ").map(move |name| Key {
        name,
        owner,
        property: &owner["properties"][name],
    })
}

impl Key<'_> {
    fn is_required(&self) -> bool {
        let required = self.owner["required"].as_array();
        required.is_some_and(|keys| keys.iter().any(|key| key == self.name))
    }

    fn default(&self) -> Option<String> {
        let default = self.property.get("default")?;
        Some(
            default
                .as_str()
                .map_or_else(|| default.to_string(), str::to_owned),
        )
    }

    /// What it says, its bounds, and what it means to leave it out.
    fn parts(&self) -> (String, Option<String>, Option<String>) {
        let mut paragraphs = self.property["description"].as_str().unwrap().split("\n\n");
        let about = paragraphs.next().unwrap().to_owned();
        let (mut bounds, mut absent) = (None, None);
        for paragraph in paragraphs {
            let paragraph = paragraph.trim_end_matches('.');
            if let Some(words) = paragraph.strip_prefix("Left out: ") {
                absent = Some(words.to_owned());
            } else {
                bounds = paragraph.strip_prefix("From ").map(str::to_owned);
            }
        }
        (about, bounds, absent)
    }

    /// A row of its table; a key with a section of its own leads there.
    fn row(&self, page: &str) -> String {
        let (about, bounds, absent) = self.parts();
        let mut key = format!("`{}`", self.name);
        let has_section = page.lines().any(|line| {
            line.strip_prefix("## ")
                .is_some_and(|title| title.eq_ignore_ascii_case(self.name))
        });
        if has_section {
            key = format!("[{key}](#{})", self.name);
        }
        let default = match (self.default().as_deref(), absent) {
            _ if self.is_required() => "required".to_owned(),
            (Some("{}"), _) | (None, None) => String::new(),
            (Some(default), _) => format!("`{default}`"),
            (None, Some(words)) => words,
        };
        let bounds = bounds
            .map(|bounds| format!(" From {bounds}."))
            .unwrap_or_default();
        format!(
            "| {key} | {default} | {}{bounds} |\n",
            about.replace('|', "\\|")
        )
    }

    /// Its comment: what it means to leave it out, and the first sentence.
    fn comment(&self) -> String {
        let (about, bounds, absent) = self.parts();
        let absent = match absent {
            _ if self.is_required() => "(required) ".to_owned(),
            Some(words) => format!("({words}) "),
            None => String::new(),
        };
        let first = about.split(". ").next().unwrap().trim_end_matches('.');
        let lower = first
            .chars()
            .nth(1)
            .is_some_and(|second| !second.is_uppercase());
        let mut said: Vec<char> = first.chars().collect();
        if lower {
            said[0] = said[0].to_ascii_lowercase();
        }
        let said: String = said.into_iter().collect();
        let bounds = bounds
            .map(|bounds| format!("; {bounds}"))
            .unwrap_or_default();
        format!("{absent}{said}{bounds}").replace('`', "")
    }
}

/// A schema's node, references followed, alternatives and lists spread out.
fn alternatives<'s>(node: &'s Value, root: &'s Value) -> Vec<&'s Value> {
    if let Some(name) = node["$ref"].as_str() {
        return alternatives(&root["$defs"][name.strip_prefix("#/$defs/").unwrap()], root);
    }
    if node["items"].is_object() {
        return alternatives(&node["items"], root);
    }
    match node["oneOf"].as_array() {
        Some(nodes) => nodes
            .iter()
            .flat_map(|node| alternatives(node, root))
            .collect(),
        None => vec![node],
    }
}
