//! The floors of the house: imports go down only, and each room keeps to its dependencies and its
//! manners. What a rule forbids is shown to be found, so that the rules cannot go blind.

mod shown;
mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::{Source, imports, sources};

/// Each room with its floor.
const FLOORS: &[(&str, u8)] = &[
    ("main", 9),
    ("cli", 9),
    ("app", 8),
    ("proxy", 7),
    ("admin", 7),
    ("config", 7),
    ("admission", 6),
    ("routing", 5),
    ("inbound", 4),
    ("outbound", 4),
    ("entra", 3),
    ("policy", 2),
    ("jwt", 1),
    ("limit", 1),
    ("refresh", 1),
    ("http_client", 1),
    ("store", 1),
    ("telemetry", 1),
    ("edge", 1),
    ("clock", 0),
    ("secret", 0),
    ("pem", 0),
    ("certified_key", 0),
    ("reason", 0),
    ("guid", 0),
    ("http1", 0),
    ("http2", 0),
    ("request", 0),
    ("located", 0),
    ("fake", 0),
];

/// What the other rooms of the lowest floor may use of it: single files that use nothing.
const FOUNDATIONS: &[&str] = &["clock", "secret", "pem", "reason", "guid"];

/// Dependencies that only some places may name.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("jsonwebtoken", &["jwt/", "entra/assertion"]),
    ("pingora", &["edge/", "outbound/upstream", "cli/version.rs"]),
    ("h2", &["edge/", "outbound/upstream"]),
    // Foreign code is called from one file, in a process of its own.
    ("cryptoki", &["outbound/credential/signer/pkcs11/module"]),
    (
        "hyper",
        &[
            "proxy/",
            "edge/",
            "admin/",
            "outbound/upstream",
            "fake/",
            "http_client/pinned",
        ],
    ),
    ("h2", &["edge/http2/", "outbound/upstream"]),
];

/// Rooms that only decide: no log, no I/O, no runtime.
const PURE: &[&str] = &[
    "http1",
    "http2",
    "request",
    "jwt",
    "limit",
    "policy",
    "routing",
    "admission",
    "located",
];
const IMPURE: &[&str] = &["tracing", "tokio", "reqwest", "std::fs", "std::env"];

/// Words that say nothing of what is in a file or type.
const EMPTY_WORDS: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "manager", "misc", "types",
];

/// A door that holds the one enum which its room is the list of.
const DOORS_WITH_A_TYPE: &[&str] = &[
    "outbound/client/mod.rs",
    "outbound/credential/mod.rs",
    "inbound/credential/mod.rs",
    "inbound/issuer/mod.rs",
];

const LONGEST_FILE: usize = 350;
/// The same for files that only tests compile.
const LONGEST_TEST: usize = 400;
/// How many lines above a panic its `// INVARIANT:` may stand.
const INVARIANT_REACH: usize = 5;

fn floor(room: &str) -> Option<u8> {
    let found = FLOORS.iter().find(|(known, _)| *known == room);
    found.map(|(_, floor)| *floor)
}

fn may_import(from: &str, to: &str) -> bool {
    let (Some(above), Some(below)) = (floor(from), floor(to)) else {
        return false;
    };
    match (from, to) {
        _ if from == to => true,
        ("main", "cli") | ("edge", "telemetry") => true,
        ("policy", to) => below == 0 || ["jwt", "limit"].contains(&to),
        (from, "config") => ["app", "cli", "main"].contains(&from),
        (from, "fake") => from == "cli",
        ("http1" | "http2" | "request" | "located" | "fake" | "certified_key", to) => {
            FOUNDATIONS.contains(&to)
        }
        _ => below < above,
    }
}

fn check(rule: impl Fn(&Source) -> Vec<String>) {
    check_in("src", rule);
}

fn check_in(folder: &str, rule: impl Fn(&Source) -> Vec<String>) {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    assert!(sources.len() > 30, "the sources were not found");
    let broken: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            let told = |what| format!("{folder}/{}: {what}", source.path);
            rule(source).into_iter().map(told)
        })
        .collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

fn upward_imports(source: &Source) -> Vec<String> {
    if source.path == "lib.rs" {
        return Vec::new();
    }
    let room = source.room();
    if floor(room).is_none() {
        return vec![format!("`{room}` has no floor")];
    }
    let mut wrong: BTreeSet<String> = imports(&source.path, &source.code);
    // Tests of every floor may reach for the fakes; what is shipped may not.
    wrong.remove("fake");
    wrong.extend(imports(&source.path, &source.product));
    wrong.retain(|to| !may_import(room, to));
    let told = wrong.into_iter();
    told.map(|to| format!("`{room}` may not import `{to}`"))
        .collect()
}

fn strange_dependencies(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    for (package, places) in KEPT_IN {
        let named = source.has_word(package);
        if named && !places.iter().any(|place| source.path.starts_with(place)) {
            broken.push(format!(
                "`{package}` may be named only in {}",
                places.join(", ")
            ));
        }
    }
    if PURE.contains(&source.room()) {
        let named = IMPURE.iter().filter(|word| source.product_has(word));
        broken.extend(named.map(|word| format!("`{word}` in a room that only decides")));
    }
    broken
}

fn bad_manners(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    let lines = source.text.lines().count();
    let longest = if source.is_test {
        LONGEST_TEST
    } else {
        LONGEST_FILE
    };
    if lines > longest {
        broken.push(format!("{lines} lines; {longest} at most"));
    }
    // Tests answer to the file they stand beside.
    if !source.is_test && !source.text.starts_with("//! ") {
        broken.push("does not open with `//!` and the question it answers".to_owned());
    }
    let is_empty_word = |word: &&str| EMPTY_WORDS.contains(word);
    let named = source.path.trim_end_matches(".rs").split(['/', '_']);
    broken.extend(
        named
            .filter(is_empty_word)
            .map(|word| format!("`{word}` names nothing")),
    );
    for name in source.type_names() {
        let empty = ["Util", "Utils", "Helper", "Helpers", "Manager", "Impl"];
        if empty.iter().any(|word| name.ends_with(word)) {
            broken.push(format!("the type `{name}` says nothing"));
        }
    }
    broken
}

fn bad_manners_of_tests(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    let lines = source.text.lines().count();
    if lines > LONGEST_TEST {
        broken.push(format!("{lines} lines; {LONGEST_TEST} at most"));
    }
    if !source.text.starts_with("//! ") {
        broken.push("does not open with `//!` and what it holds".to_owned());
    }
    broken
}

fn furnished_doors(source: &Source) -> Vec<String> {
    let is_door = source.path.ends_with("/mod.rs") && !source.is_test;
    if !is_door || DOORS_WITH_A_TYPE.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let is_door_part = |item: &String| item.starts_with("mod ") || item.starts_with("use ");
    let others = source
        .items()
        .into_iter()
        .filter(|item| !is_door_part(item));
    let head = |item: String| {
        item.split(['{', '(', ';'])
            .next()
            .unwrap_or(&item)
            .trim()
            .to_owned()
    };
    others
        .map(|item| format!("a door holds only `mod` and `use`, not `{}`", head(item)))
        .collect()
}

fn unproven_panics(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().collect();
    let mut broken = Vec::new();
    for (place, line) in source.product.lines().enumerate() {
        for unfinished in ["todo!", "unimplemented!", "dbg!"] {
            if line.contains(unfinished) {
                broken.push(format!("{}: `{unfinished}`", place + 1));
            }
        }
        let panics = [".unwrap()", ".expect(", "panic!(", "unreachable!("];
        let Some(panic) = panics.iter().find(|panic| line.contains(**panic)) else {
            continue;
        };
        let above = &lines[place.saturating_sub(INVARIANT_REACH)..=place];
        if !above.iter().any(|line| line.contains("// INVARIANT:")) {
            broken.push(format!(
                "{}: `{panic}` without an `// INVARIANT:`",
                place + 1
            ));
        }
    }
    broken
}

#[test]
fn imports_go_down_only() {
    check(upward_imports);
}

#[test]
fn dependencies_stay_in_their_rooms() {
    check(strange_dependencies);
}

#[test]
fn files_are_short_open_with_a_question_and_have_names_that_say_something() {
    check(bad_manners);
}

#[test]
fn files_of_tests_are_short_and_open_with_what_they_hold() {
    check_in("tests", bad_manners_of_tests);
}

#[test]
fn doors_hold_nothing_but_doors() {
    check(furnished_doors);
}

#[test]
fn nothing_is_left_undone_and_nothing_panics_without_a_reason() {
    check(unproven_panics);
}
