//! The rules to be woken by: each says what to do, and the page shows all of them. That they fire when they
//! should and not else is `promtool`'s to say (tests/alerts).

use std::fs;

use serde_json::Value;

const RULES: &str = "charts/bearergate/files/alerts.yaml";
const PAGE: &str = "docs/metrics.md";

fn rules() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&fs::read_to_string(RULES).unwrap()).unwrap();
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.collect()
}

fn text<'r>(rule: &'r Value, path: &str) -> &'r str {
    let found = rule.pointer(path).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {path} in {rule}"))
}

#[test]
fn each_rule_says_how_bad_it_is_and_what_to_do() {
    let rules = rules();
    assert!(rules.len() > 20, "{}", rules.len());
    for rule in &rules {
        let severity = text(rule, "/labels/severity");
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{rule}"
        );
        assert!(
            text(rule, "/annotations/runbook").ends_with(['.', '?']),
            "{rule}"
        );
        assert!(!text(rule, "/annotations/summary").is_empty());
        assert!(text(rule, "/alert").starts_with("Bearergate"), "{rule}");
    }
    let tests = fs::read_to_string("tests/alerts/rules.yaml").unwrap();
    for rule in &rules {
        let name = text(rule, "/alert");
        let cases = tests.matches(&format!("alertname: {name}\n")).count();
        assert!(cases >= 2, "{name} is not seen to fire and not to");
    }
}

/// Run with `BEARERGATE_BLESS=1` it writes them.
#[test]
fn the_rules_on_the_page_are_those_of_the_file() {
    let kept = fs::read_to_string(PAGE).unwrap();
    let mark = "<!-- rules of alerts.yaml -->\n";
    let start = kept.find(mark).unwrap() + mark.len();
    let mut table =
        "| Alert | Expression | What it means, and what to do |\n|---|---|---|\n".to_owned();
    for rule in rules() {
        let expression = text(&rule, "/expr")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let expression = expression.replace('|', "\\|");
        let lasting = match rule["for"].as_str() {
            Some(lasting) => format!(" for {lasting}"),
            None => String::new(),
        };
        let (name, severity) = (text(&rule, "/alert"), text(&rule, "/labels/severity"));
        let runbook = text(&rule, "/annotations/runbook");
        table.push_str(&format!(
            "| `{name}`, {severity} | `{expression}`{lasting} | {runbook} |\n"
        ));
    }
    let end = kept[start..]
        .find("\n\n")
        .map_or(kept.len(), |end| start + end + 1);
    let mut page = kept.clone();
    page.replace_range(start..end, &table);
    if std::env::var_os("BEARERGATE_BLESS").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    assert!(
        kept == page,
        "{PAGE} is stale: BEARERGATE_BLESS=1 writes it"
    );
}
