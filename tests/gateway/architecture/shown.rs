//! What each rule forbids, shown to be found.

use super::source::Source;
use super::{
    LONGEST_TEST, bad_manners, bad_manners_of_tests, furnished_doors, strange_dependencies,
    unproven_panics, upward_imports,
};

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
    let long = format!("//! Why?\n{}", "\n".repeat(350));
    let longest_test = format!("{long}{}", "\n".repeat(49));
    let too_long = format!("{longest_test}\n");
    for (path, text, wrong) in [
        ("jwt/a.rs", "//! Why?\nstruct A;", 0),
        ("jwt/a_tests.rs", &longest_test, 0),
        ("jwt/a_tests.rs", &too_long, 1),
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
fn bad_manners_of_tests_are_found() {
    let lines = |count: usize| format!("//! What?\n{}", "\n".repeat(count - 1));
    for (text, wrong) in [
        (lines(LONGEST_TEST).as_str(), 0),
        (&lines(LONGEST_TEST + 1), 1),
        ("use a::B;", 1),
    ] {
        assert_found(bad_manners_of_tests, "gateway/a.rs", text, wrong);
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
