//! The fields of both logs: what the code writes is what the page tells of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use bearergate::telemetry::{AccessLine, AccessLog, AccessSink, LogFormat, Severity};
use serde_json::Value;

const PAGE: &str = "docs/logs.md";
/// What the formatter of process lines adds to each.
const ALWAYS: [&str; 5] = ["timestamp", "level", "kind", "message", "target"];

/// The table's names, each with what it is in.
fn table() -> BTreeMap<String, String> {
    let page = fs::read_to_string(PAGE).unwrap();
    let (_, fields) = page.split_once("\n## Fields\n").unwrap();
    let (fields, _) = fields.split_once("\n## ").unwrap();
    let rows = fields.lines().filter(|line| line.starts_with("| `"));
    let mut known = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").collect();
        for name in cells[0].trim_start_matches("| ").split(", ") {
            let name = name.trim_matches('`').to_owned();
            let twice = known.insert(name.clone(), cells[1].to_owned());
            assert_eq!(twice, None, "{name}");
        }
    }
    known
}

fn names(table: &BTreeMap<String, String>, of: &[&str]) -> BTreeSet<String> {
    let is_of = |told: &str| of.iter().any(|word| told.starts_with(word));
    let rows = table.iter().filter(|(_, told)| is_of(told));
    rows.map(|(name, _)| name.clone()).collect()
}

fn written(line: &AccessLine<'_>) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog::open(&AccessSink::File(path.clone()), LogFormat::Json).unwrap();
    log.write(line);
    log.flush();
    let line: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    line.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_fields_of_access_lines_are_those_of_the_page() {
    let whole = AccessLine {
        time_ms: 1,
        severity: Severity::Failed,
        request_id: "r",
        trace_id: Some("t"),
        listener: "apis",
        protocol: Some(http::Version::HTTP_11),
        route: Some("calc"),
        method: "GET",
        path: "/",
        status: 502,
        reason: Some("upstream_failed"),
        detail: Some("d"),
        principal: Some("anyone"),
        token_id: Some("u"),
        client: Some([127, 0, 0, 1].into()),
        upstream: Some("http://a"),
        heard: Some((200, Duration::ZERO)),
        duration: Duration::ZERO,
        bytes_out: 0,
    };
    let bare = AccessLine {
        trace_id: None,
        protocol: None,
        route: None,
        reason: None,
        detail: None,
        principal: None,
        token_id: None,
        client: None,
        upstream: None,
        heard: None,
        ..whole
    };
    let table = table();
    assert_eq!(written(&whole), names(&table, &["access", "both"]));
    // What a bare line has besides is `listener` and `request_id`, which some process lines have not.
    let mut always = names(&table, &["access, always", "both, always"]);
    always.extend(["listener", "request_id"].map(str::to_owned));
    assert_eq!(written(&bare), always);
}

#[test]
fn the_fields_of_process_lines_are_those_of_the_page() {
    let mut known: BTreeSet<String> = ALWAYS.map(str::to_owned).into();
    known.insert("times".to_owned());
    let mut calls = 0;
    sources(Path::new("src"), &mut |text| {
        for macro_name in ["error", "warn", "info", "debug", "trace"] {
            let opening = format!("tracing::{macro_name}!(");
            for rest in text.split(&*opening).skip(1) {
                calls += 1;
                known.extend(fields(arguments(rest)));
            }
        }
    });
    assert!(calls > 50, "only {calls}: the search has lost its way");
    let page = names(&table(), &["process", "both"]);
    let undocumented: Vec<_> = known.difference(&page).collect();
    let unknown: Vec<_> = page.difference(&known).collect();
    assert!(
        undocumented.is_empty() && unknown.is_empty(),
        "not in {PAGE}: {undocumented:?}; in no line: {unknown:?}"
    );
}

#[test]
fn the_lines_on_the_page_have_no_other_fields() {
    let page = fs::read_to_string(PAGE).unwrap();
    let table = table();
    let lines = page.lines().filter(|line| line.starts_with("{\""));
    let mut seen = 0;
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        let kind = line["kind"].as_str().unwrap();
        let known = names(&table, &[kind, "both"]);
        let fields: BTreeSet<_> = line.as_object().unwrap().keys().cloned().collect();
        assert!(fields.is_subset(&known), "{line}");
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// Every file of the product.
fn sources(folder: &Path, look: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap();
        match path.is_dir() {
            true => sources(&path, look),
            false if name.ends_with(".rs") && !name.ends_with("_tests.rs") => {
                look(&fs::read_to_string(&path).unwrap());
            }
            false => {}
        }
    }
}

/// What stands between a macro's brackets, each at its top level.
fn arguments(rest: &str) -> Vec<String> {
    let (mut found, mut depth, mut quoted) = (vec![String::new()], 0, false);
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => quoted = !quoted,
            '\\' if quoted => drop(letters.next()),
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted && depth == 0 => return found,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut().unwrap().push(letter);
    }
    panic!("a macro without an end: {rest}")
}

fn fields(arguments: Vec<String>) -> impl Iterator<Item = String> {
    arguments.into_iter().filter_map(|argument| {
        let argument = argument.trim();
        let name = match argument.split_once('=') {
            Some((name, _)) if !argument.starts_with('"') => name.trim(),
            _ => argument.trim_start_matches(['%', '?']),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        (!name.is_empty() && name.bytes().all(plain)).then(|| name.to_owned())
    })
}

#[test]
fn fields_are_found_in_every_form() {
    let call = r#" %a, ?b, c, d = %x.f(1, "),"), e = y.len(), "text, with = {f}" ); rest"#;
    let found: Vec<_> = fields(arguments(call)).collect();
    assert_eq!(found, ["a", "b", "c", "d", "e"]);
}
