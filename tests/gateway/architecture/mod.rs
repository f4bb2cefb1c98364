//! The floors of the house: imports go down only, and each room keeps to its dependencies and its
//! manners. What a rule forbids is shown to be found, so that the rules cannot go blind.

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
    ("refresh", 1),
    ("http_client", 1),
    ("telemetry", 1),
    ("edge", 1),
    ("clock", 0),
    ("secret", 0),
    ("reason", 0),
    ("guid", 0),
    ("request", 0),
    ("located", 0),
    ("fake", 0),
];

/// What the other rooms of the lowest floor may use of it: single files that use nothing.
const FOUNDATIONS: &[&str] = &["clock", "secret", "reason", "guid"];

/// Dependencies that only some places may name.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("jsonwebtoken", &["jwt/", "entra/assertion", "fake/"]),
    (
        "pingora",
        &[
            "proxy/",
            "edge/",
            "admin/",
            "app",
            "outbound/upstream",
            "cli/version.rs",
        ],
    ),
];

/// Rooms that only decide: no log, no I/O, no runtime.
const PURE: &[&str] = &[
    "request",
    "jwt",
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
const DOORS_WITH_A_TYPE: &[&str] = &["outbound/credential/mod.rs"];

const LONGEST_FILE: usize = 400;
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
        ("policy", to) => below == 0 || to == "jwt",
        (from, "config") => ["app", "cli", "main"].contains(&from),
        (from, "fake") => from == "cli",
        ("request" | "located" | "fake", to) => FOUNDATIONS.contains(&to),
        _ => below < above,
    }
}

fn check(rule: impl Fn(&Source) -> Vec<String>) {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources(&src);
    assert!(sources.len() > 50, "the sources were not found");
    let broken: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            let told = |what| format!("src/{}: {what}", source.path);
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
    if lines > LONGEST_FILE {
        broken.push(format!("{lines} lines; {LONGEST_FILE} at most"));
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
fn doors_hold_nothing_but_doors() {
    check(furnished_doors);
}

#[test]
fn nothing_is_left_undone_and_nothing_panics_without_a_reason() {
    check(unproven_panics);
}

fn assert_found(rule: impl Fn(&Source) -> Vec<String>, path: &str, text: &str, found: usize) {
    let broken = rule(&Source::new(path, text));
    assert_eq!(broken.len(), found, "{text}\n{broken:?}");
}

#[test]
fn an_import_is_found_in_every_form() {
    for (path, text, wrong) in [
        ("jwt/a.rs", "use crate::entra::X;", 1),
        (
            "jwt/a.rs",
            "use crate::{clock::UnixTime, entra::{self, B}, policy};",
            2,
        ),
        ("jwt/a.rs", "fn f() { crate::policy::f() }", 1),
        ("jwt/a.rs", "use super::super::policy::X;", 1),
        ("jwt/a.rs", "use super::policy;", 0),
        ("jwt/a.rs", "use crate as all;", 1),
        ("jwt/a.rs", "use crate::*;", 1),
        ("jwt/a.rs", "use crate :: { entra };", 1),
        (
            "jwt/a.rs",
            "macro_rules! m { () => { $crate::entra::f() } }",
            1,
        ),
        (
            "jwt/a.rs",
            "// crate::entra\nconst A: &str = \"crate::entra\";",
            0,
        ),
        (
            "jwt/a.rs",
            "/* crate::entra /* */ crate::policy */ /// [crate::fake]",
            0,
        ),
        (
            "jwt/a.rs",
            "const A: &str = r#\"\"crate::entra\"#; const B: char = '\"';",
            0,
        ),
        (
            "jwt/a.rs",
            "fn f<'a>(x: &'a str) { crate::fake::f::<'a>() }",
            1,
        ),
        (
            "jwt/a.rs",
            "pub(in crate::jwt) use crate::reason::Reason; pub(crate) fn f() {}",
            0,
        ),
        ("policy/a.rs", "use crate::{jwt::A, clock, telemetry};", 1),
        ("edge/a.rs", "use crate::{telemetry, jwt};", 1),
        ("inbound/a.rs", "use crate::outbound::A;", 1),
        (
            "proxy/a.rs",
            "use crate::config::Config; use crate::admin::A;",
            2,
        ),
        ("app.rs", "use crate::{config, proxy, cli};", 1),
        ("secret.rs", "use crate::clock::UnixTime;", 1),
        ("request/a.rs", "use crate::{guid::Guid, clock};", 0),
        ("request/a.rs", "use crate::{located::A, fake::B};", 2),
        ("fake/a.rs", "use crate::{clock::UnixTime, jwt};", 1),
        ("jwt/a.rs", "use crate::fake::Tenant;", 1),
        (
            "jwt/a.rs",
            "#[cfg(test)]\nmod tests { use crate::fake::Tenant; }",
            0,
        ),
        ("cli/a.rs", "use crate::fake::Tenant;", 0),
        ("main.rs", "fn main() { bearergate::cli::run() }", 0),
        ("cellar/a.rs", "", 1),
    ] {
        assert_found(upward_imports, path, text, wrong);
    }
}

#[test]
fn a_strange_dependency_is_found() {
    for (path, text, wrong) in [
        ("inbound/a.rs", "use jsonwebtoken::Algorithm;", 1),
        ("entra/assertion.rs", "use jsonwebtoken::Algorithm;", 0),
        ("entra/authority.rs", "fn f() { jsonwebtoken::f() }", 1),
        ("admission/a.rs", "use pingora::http::A;", 1),
        ("admission/a.rs", "use pingora_core::A;", 1),
        ("admission/a.rs", "// as pingora has it", 0),
        ("policy/a.rs", "use tracing::info;", 1),
        ("policy/a.rs", "fn f() { std::fs::read(p) }", 1),
        (
            "policy/a.rs",
            "#[cfg(test)]\nmod tests { use tokio::test; }",
            0,
        ),
    ] {
        assert_found(strange_dependencies, path, text, wrong);
    }
}

#[test]
fn bad_manners_are_found() {
    let long = format!("//! Why?\n{}", "\n".repeat(400));
    for (path, text, wrong) in [
        ("jwt/a.rs", "//! Why?\nstruct A;", 0),
        ("jwt/a.rs", "struct A;", 1),
        ("jwt/a.rs", &long, 1),
        ("jwt/token_utils.rs", "//! Why?", 1),
        ("jwt/helpers/mod.rs", "//! Why?", 1),
        ("jwt/a.rs", "//! Why?\npub struct TokenManager<T>(T);", 1),
    ] {
        assert_found(bad_manners, path, text, wrong);
    }
}

#[test]
fn a_furnished_door_is_found() {
    for (path, text, wrong) in [
        (
            "jwt/mod.rs",
            "//! Why?\nmod a;\n#[cfg(test)]\npub(crate) mod b;\npub use a::{A, B};",
            0,
        ),
        ("jwt/mod.rs", "mod a; struct A { b: u8 }", 1),
        ("jwt/mod.rs", "mod a; pub fn f() {}", 1),
        ("jwt/mod.rs", "mod a { fn f() {} }", 1),
        ("jwt/a.rs", "struct A;", 0),
    ] {
        assert_found(furnished_doors, path, text, wrong);
    }
}

#[test]
fn an_unproven_panic_is_found() {
    for (text, wrong) in [
        ("fn f() { a.unwrap() }", 1),
        ("fn f() { a\n.expect(\"b\") }", 1),
        ("// INVARIANT: a is there.\nfn f() { a.unwrap() }", 0),
        ("fn f() { unreachable!() }", 1),
        ("fn f() { todo!(\"a\") }", 1),
        ("fn f() { a.unwrap_or(b) } // not .unwrap()", 0),
        (
            "#[cfg(test)]\nmod tests {\n fn f() { if a { b.unwrap() } }\n}\nfn g() { c.unwrap() }",
            1,
        ),
        (
            "#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;\nfn g() { c.unwrap() }",
            1,
        ),
    ] {
        assert_found(unproven_panics, "jwt/a.rs", text, wrong);
    }
}
