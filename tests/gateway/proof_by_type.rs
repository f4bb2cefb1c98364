//! Who can make a proof? Claims come out of the verifier, a permit out of the policy, an admission
//! out of `admit`, and each is made in one file. Rust keeps other crates out by privacy; this keeps
//! the rooms of this crate out of what their neighbours must leave readable.

use std::fs;
use std::path::{Path, PathBuf};

/// Each proof with the one file that makes it.
const MAKERS: &[(&str, &str)] = &[
    ("Claims", "jwt/payload.rs"),
    ("TokenPrincipal", "entra/principal.rs"),
    ("Evidence", "policy/evidence.rs"),
    ("KeyProof", "policy/evidence.rs"),
    ("Permit", "policy/permit.rs"),
    ("Admission", "admission/admit.rs"),
];

/// Derives that would make a proof out of nothing, or out of bytes.
const CONJURERS: &[&str] = &["Default", "Deserialize"];

#[test]
fn each_proof_is_made_in_one_file() {
    let sources = sources();
    for (proof, maker) in MAKERS {
        let makers: Vec<&str> = sources
            .iter()
            .filter(|(_, text)| literals(text, proof) > 0)
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(makers, [*maker], "{proof}");
    }
}

#[test]
fn no_proof_is_conjured_up_or_made_by_another_name() {
    for (path, text) in sources() {
        for (proof, _) in MAKERS {
            let declaration = format!("pub struct {proof} {{");
            if let Some(at) = text.find(&declaration) {
                let before = text[..at].rsplit("\n\n").next().unwrap_or_default();
                for conjurer in CONJURERS {
                    assert!(!before.contains(conjurer), "{path}: {proof} has {conjurer}");
                }
            }
            for conjurer in CONJURERS {
                let by_hand = format!("{conjurer} for {proof}");
                assert!(!text.contains(&by_hand), "{path}: {by_hand}");
            }
            for alias in [format!("{proof} as "), format!("= {proof};")] {
                assert!(!text.contains(&alias), "{path}: another name for {proof}");
            }
        }
    }
}

#[test]
fn a_permit_and_an_admission_cannot_be_changed_once_made() {
    for (proof, maker) in [
        ("Permit", "policy/permit.rs"),
        ("Admission", "admission/admit.rs"),
    ] {
        let sources = sources();
        let (_, text) = sources.iter().find(|(path, _)| path == maker).unwrap();
        let body = text
            .split(&format!("pub struct {proof} {{"))
            .nth(1)
            .unwrap();
        let fields = body.split('}').next().unwrap();
        assert!(
            !fields.contains("pub"),
            "a field of {proof} can be written: {fields}"
        );
        let methods = text.split(&format!("impl {proof} {{")).nth(1).unwrap();
        let methods = methods.split("\n}\n").next().unwrap();
        assert!(
            !methods.contains("&mut"),
            "a method of {proof} lends what it holds: {methods}"
        );
    }
}

#[test]
fn the_verifier_lets_no_claims_out_before_its_checks() {
    let sources = sources();
    let callers: Vec<&str> = sources
        .iter()
        .filter(|(path, text)| path != "jwt/payload.rs" && text.contains("into_claims("))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(callers, ["jwt/verifier.rs"]);
}

#[test]
fn evidence_is_gathered_where_credentials_are_proven() {
    let sources = sources();
    for (call, place) in [
        ("Evidence::of(", "inbound/gate.rs"),
        (".add_token(", "inbound/credential/bearer.rs"),
        (".add_key(", "inbound/credential/api_key.rs"),
        ("KeyProof::of(", "inbound/credential/api_key.rs"),
    ] {
        let callers: Vec<&str> = sources
            .iter()
            .filter(|(_, text)| text.contains(call))
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(callers, [place], "{call}");
    }
}

#[test]
fn what_counts_as_a_literal_is_seen() {
    for (text, count) in [
        ("let a = Permit { principal };", 1),
        ("Ok(crate::policy::Permit {\n    principal,\n})", 1),
        ("Self::make(Permit{ principal })", 1),
        ("pub struct Permit {", 0),
        ("impl Permit {", 0),
        ("impl fmt::Display for Permit {", 0),
        ("fn a() -> Permit {", 0),
        ("fn a(&self) -> &Permit {", 0),
        ("fn a() -> Result<Permit, E> {", 0),
        ("OtherPermit { principal }", 0),
        ("let Permit { principal } = permit;", 0),
        ("// Permit { principal }", 0),
    ] {
        assert_eq!(literals(text, "Permit"), count, "{text}");
    }
    let inside = "impl Permit {\n    fn a() -> Self {\n        Self { principal }\n    }\n}\n";
    assert_eq!(
        literals(inside, "Permit"),
        1,
        "by the name that it has at home"
    );
}

/// How often a struct is written out in an expression.
fn literals(text: &str, name: &str) -> usize {
    let home = format!("impl {name} {{");
    let own = text.split(&home).skip(1);
    let own = own.map(|rest| rest.split("\n}\n").next().unwrap_or_default());
    let own: usize = own.map(|body| occurrences(body, "Self")).sum();
    own + occurrences(text, name)
}

fn occurrences(text: &str, name: &str) -> usize {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.filter(|line| is_literal(line, name)).count()
}

fn is_literal(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], line[at + name.len()..].trim_start());
        let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let before = before.trim_end_matches('&');
        let declares = ["struct ", "impl ", "for ", "-> ", "let ", "enum "]
            .iter()
            .any(|word| before.ends_with(word));
        whole && !declares && after.starts_with('{')
    })
}

/// The sources that are compiled into the gateway, by their paths below `src`: without tests.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    let mut sources: Vec<(String, String)> = found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let shipped = text
                .split("\n#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default();
            (name, shipped.to_owned())
        })
        .filter(|(name, _)| !is_for_tests(name))
        .collect();
    sources.sort();
    assert!(sources.len() > 80, "the sources are there");
    sources
}

/// By name; that these are compiled for tests only is seen in their rooms' `mod.rs`.
fn is_for_tests(name: &str) -> bool {
    name.ends_with("_tests.rs") || name == "policy/sample.rs"
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
