//! What is documented is executed: every YAML block and sample configuration loads, every reason and
//! metric is on its page and every word on the pages exists, every command named is one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::sample_files;
use bearergate::admission::{Denial, Refusal};
use bearergate::config::Config;
use bearergate::reason::Reason;

/// Loads a text as a user's file whose secrets are in `folder`; no port is bound.
fn load(text: &str, name: &str, folder: &Path) -> Config {
    let here = format!("{}/", folder.display());
    let text = [
        "/run/secrets/",
        "/etc/bearergate/secrets/",
        "/etc/bearergate/",
        "/var/run/secrets/",
    ]
    .iter()
    .fold(text.to_owned(), |text, place| text.replace(place, &here))
    .replace("{ env: MAIL_CLIENT_SECRET }", "{ file: client-secret }");
    match Config::parse(&text, name, folder) {
        Ok(config) => config,
        Err(problems) => panic!("{name}:\n{problems}\n{text}"),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn pages() -> Vec<String> {
    let mut pages = vec![
        "README.md".to_owned(),
        "CHANGELOG.md".into(),
        "SECURITY.md".into(),
    ];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
    pages.sort();
    pages
}

/// The fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(tag)) => open = Some((tag.trim() == language, String::new())),
            (Some(_), Some(_)) => {
                if let Some((true, block)) = open.take() {
                    found.push(block);
                }
                open = None;
            }
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

#[test]
fn every_sample_configuration_loads() {
    let folder = tempfile::tempdir().unwrap();
    sample_files(folder.path());
    for name in ["dev", "protect-api", "graph-mail", "full"] {
        let path = format!("config/{name}.yaml");
        load(&read(&path), &path, folder.path());
    }
}

#[test]
fn every_whole_yaml_block_of_the_docs_loads() {
    let folder = tempfile::tempdir().unwrap();
    sample_files(folder.path());
    let mut whole = 0;
    for page in pages() {
        for block in blocks(&read(&page), "yaml") {
            // Excerpts are shown without `version`; they are parts of configurations that load.
            if block.starts_with("version:") || block.contains("\nversion:") {
                load(&block, &page, folder.path());
                whole += 1;
            } else {
                let parsed: Result<serde_json::Value, _> = serde_saphyr::from_str(&block);
                assert!(parsed.is_ok(), "{page}: {}\n{block}", parsed.unwrap_err());
            }
        }
    }
    assert!(whole >= 2, "only {whole} whole configurations in the docs");
}

#[test]
fn the_page_of_errors_is_the_list_of_reasons_with_their_statuses() {
    let page = read("docs/errors.md");
    let rows: BTreeSet<(String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter_map(|(word, rest)| {
            let status = rest.split(' ').next()?;
            Some((word.to_owned(), status.to_owned()))
        })
        .collect();
    let answered = |reason: Reason| {
        let refusal = Refusal::Upstream {
            retry_after: None,
            claims: None,
            reason,
            detail: String::new(),
        };
        Denial::unrouted(refusal).status().as_u16().to_string()
    };
    let real: BTreeSet<(String, String)> = Reason::ALL
        .iter()
        .map(|reason| (reason.word().to_owned(), answered(*reason)))
        .collect();
    assert_eq!(rows, real);
}

#[test]
fn the_page_of_troubleshooting_says_of_each_reason_whose_move_it_is() {
    let page = read("docs/troubleshooting.md");
    let (_, table) = page.split_once("| Whose move | Reasons |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let cells = table.lines().filter_map(|line| line.split('|').nth(2));
    let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let mut named: Vec<_> = named.collect();
    named.sort_unstable();
    let mut real: Vec<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    real.sort_unstable();
    assert_eq!(named, real, "each once");
}

#[test]
fn the_page_of_metrics_is_the_list_of_metrics() {
    let page = read("docs/metrics.md");
    let cells: Vec<&str> = page
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `")?
                .split_once("` |")
                .map(|(cell, _)| cell)
        })
        .collect();
    let documented: BTreeSet<&str> = cells
        .iter()
        .map(|cell| cell.split('{').next().unwrap_or(cell))
        .filter(|cell| {
            cell.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        })
        .collect();
    let real: BTreeSet<&str> = bearergate::telemetry::NAMES
        .iter()
        .map(|(name, _, _)| *name)
        .collect();
    // Alerts are expressions over the same names.
    for word in page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let series = ["_bucket", "_sum", "_count"]
            .iter()
            .fold(word, |word, suffix| {
                word.strip_suffix(suffix).unwrap_or(word)
            });
        assert!(
            !word.starts_with("bearergate_") || real.contains(series),
            "there is no {word}"
        );
    }
    assert_eq!(documented, real);
}

/// Run with `BEARERGATE_BLESS=1` it writes them.
#[test]
fn the_header_names_on_the_page_are_those_of_the_table() {
    use bearergate::request::header_names::{Removal, listed};
    let path = "docs/config.md";
    let kept = read(path);
    let mut page = kept.clone();
    for (place, removals) in [
        (
            "go on everywhere",
            &[Removal::Never, Removal::Misspelled][..],
        ),
        ("are removed on every route", &[Removal::Always]),
        ("are removed unless kept", &[Removal::UnlessKept]),
    ] {
        let mark = format!("<!-- names that {place} -->\n");
        let start = page
            .find(&mark)
            .unwrap_or_else(|| panic!("{mark} is not there"))
            + mark.len();
        let end = start + page[start..].find("\n\n").unwrap();
        let mut names: Vec<_> = removals.iter().flat_map(|it| listed(*it)).collect();
        names.sort();
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        page.replace_range(start..end, &wrapped(&names, 118));
    }
    if std::env::var_os("BEARERGATE_BLESS").is_some() {
        std::fs::write(root().join(path), &page).unwrap();
    }
    assert!(
        kept == page,
        "{path} is stale: BEARERGATE_BLESS=1 writes it"
    );
}

fn wrapped(words: &[String], width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words {
        let between = match column {
            0 => "",
            _ if column + word.len() < width => " ",
            _ => {
                column = 0;
                "\n"
            }
        };
        text.push_str(between);
        text.push_str(word);
        column += word.len() + 1;
    }
    text
}

#[test]
fn every_command_the_docs_name_exists() {
    let help = crate::support::run(&["--help"]).ends(0).out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.map_while(|line| line.split_whitespace().next());
    let commands: Vec<_> = listed.collect();
    assert!(commands.contains(&"serve"), "{help}");
    for page in pages() {
        for language in ["sh", "console", "bash"] {
            for line in blocks(&read(&page), language)
                .iter()
                .flat_map(|block| block.lines())
            {
                let line = line.trim_start_matches("$ ");
                if let Some(rest) = line.strip_prefix("bearergate ") {
                    let word = rest.split_whitespace().next().unwrap_or_default();
                    assert!(commands.contains(&word), "{page}: {line}");
                }
                for script in line
                    .split_whitespace()
                    .filter(|word| word.starts_with("scripts/"))
                {
                    assert!(
                        root().join(script).exists(),
                        "{page}: {script} does not exist"
                    );
                }
            }
        }
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        let folder = root().join(&page).parent().unwrap().to_owned();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            assert!(folder.join(file).exists(), "{page} links to {target}");
        }
    }
}

#[test]
fn the_page_of_performance_has_the_figures_of_the_baseline() {
    let baseline: serde_json::Value =
        serde_json::from_str(&read("benches/instructions.json")).unwrap();
    let page = read("docs/performance.md");
    for (kind, cost) in baseline["instructions"].as_object().unwrap() {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {kind} |")))
            .unwrap_or_else(|| panic!("no row {kind}"));
        let told = row.split('|').nth(3).unwrap().trim();
        let thousands = format!("{:.1}", cost.as_f64().unwrap() / 1000.0);
        assert_eq!(told, thousands, "{kind}");
    }
}
