//! The outcome as SARIF 2.1.0 (OASIS), which code-scanning services read.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Report;
use super::report::Told;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// What a result is about: id, and a sentence. A result names one by its place here.
const RULES: [(&str, &str); 3] = [
    (
        "configuration",
        "What the configuration file says must hold.",
    ),
    ("certificate", "Certificates must not be about to end."),
    ("online", "What the file names must be there and answer."),
];
const CONFIGURATION: usize = 0;
const CERTIFICATE: usize = 1;
const ONLINE: usize = 2;
/// What a path in a URI keeps (RFC 3986 §3.3), less what would make its first segment a scheme.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

pub(super) fn render(report: &Report) -> String {
    let location = |told: Option<&Told>| {
        let mut physical = json!({ "artifactLocation": { "uri": uri(&report.file) } });
        if let Some((line, column)) = told.and_then(|told| Some((told.line?, told.column?))) {
            physical["region"] = json!({ "startLine": line, "startColumn": column });
        }
        let mut location = json!({ "physicalLocation": physical });
        if let Some(told) = told.filter(|told| !told.path.is_empty()) {
            location["logicalLocations"] = json!([{ "fullyQualifiedName": told.path }]);
        }
        location
    };
    let result = |rule: usize, level: &str, text: String, told: Option<&Told>| {
        json!({
            "ruleId": RULES[rule].0,
            "ruleIndex": rule,
            "level": level,
            "message": { "text": text },
            "locations": [location(told)],
        })
    };
    let problems = report.problems.iter();
    let problems = problems.map(|told| result(CONFIGURATION, "error", told.sentence(), Some(told)));
    let notes = report.notes.iter();
    let notes = notes.map(|note| result(CERTIFICATE, "warning", note.clone(), None));
    let failed = report.failed();
    let failed = failed.map(|tried| {
        let text = format!("{}: {}", tried.what, tried.detail);
        result(ONLINE, "error", text, None)
    });
    let results: Vec<_> = problems.chain(notes).chain(failed).collect();
    let rules =
        RULES.map(|(id, sentence)| json!({ "id": id, "shortDescription": { "text": sentence } }));
    let log: Value = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "bearergate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}")
}

/// A reference to the file: relative where it was named so, for a service knows the repository's root.
fn uri(file: &str) -> String {
    let path = utf8_percent_encode(file, SEGMENT);
    match Path::new(file).is_absolute() {
        true => format!("file://{path}"),
        false => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::{refused, valid};
    use super::*;

    #[test]
    fn a_problem_is_a_result_with_a_region_and_a_path() {
        let log: Value = serde_json::from_str(&render(&refused())).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let expected = json!({
            "ruleId": "configuration",
            "ruleIndex": 0,
            "level": "error",
            "message": { "text": "routes[0].callers[0].bearer.issuer: there is no issuer `contosso`; did you mean `contoso`?" },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": "deploy/gate%20way.yaml" },
                    "region": { "startLine": 14, "startColumn": 19 },
                },
                "logicalLocations": [{ "fullyQualifiedName": "routes[0].callers[0].bearer.issuer" }],
            }],
        });
        assert_eq!(results[0], expected);
        let whole = &results[1]["locations"][0];
        assert_eq!(
            whole,
            &json!({ "physicalLocation": { "artifactLocation": { "uri": "deploy/gate%20way.yaml" } } })
        );
    }

    #[test]
    fn notes_are_warnings_and_what_was_tried_in_vain_errors() {
        let log: Value = serde_json::from_str(&render(&valid())).unwrap();
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        let told: Vec<_> = results
            .iter()
            .map(|result| {
                let rule = result["ruleIndex"].as_u64().unwrap() as usize;
                let by_index = run["tool"]["driver"]["rules"][rule]["id"].as_str();
                assert_eq!(by_index, result["ruleId"].as_str());
                (by_index.unwrap(), result["level"].as_str().unwrap())
            })
            .collect();
        assert_eq!(told, [("certificate", "warning"), ("online", "error")]);
        let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        assert_eq!(place, "file:///etc/bearergate/config.yaml");
    }
}
