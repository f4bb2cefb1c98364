//! What is refused, word for word, and never with a secret in it.

use std::fs;
use std::path::{Path, PathBuf};

use bearergate::config::Config;

use super::{BLESS, FIXTURES};

#[test]
fn each_invalid_file_prints_exactly_its_text() {
    let differing: Vec<_> = invalid().filter_map(|path| compare(&path)).collect();
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
}

#[test]
fn no_text_repeats_a_secret() {
    let mut seen = 0;
    for path in invalid().filter(|path| fs::read_to_string(path).unwrap().contains("hunter2")) {
        let printed = printed(&path);
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("[masked]"), "{printed}");
        seen += 1;
    }
    assert!(seen >= 3, "the fixtures with secrets have gone");
}

/// A hint is followed at night and without thinking: none may lead to a route that lets in more.
#[test]
fn no_hint_proposes_what_would_open_more() {
    const OPENING: [&str; 6] = [
        "any_valid_token: true",
        "alone: true",
        "callers: public",
        "leave the key out",
        "leave it out",
        "leave `where` out",
    ];
    for path in invalid() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let problems = Config::parse(&text, name, Path::new(FIXTURES)).unwrap_err();
        for hint in problems
            .0
            .iter()
            .filter_map(|problem| problem.hint.as_ref())
        {
            let opens = OPENING.iter().any(|words| hint.contains(words));
            assert!(!opens, "{name}: {hint}");
        }
    }
}

/// Where the cause of a mistake is looked for, no place of a text may be beyond it or inside a character.
#[test]
fn a_slip_of_the_pen_anywhere_is_refused_or_harmless() {
    let text = super::one_route("bearer: { issuer: contoso, roles: [ü] } # ß");
    let text = text.replacen("listener: apis", "listener: \"apis\"", 1);
    for (place, character) in text.char_indices() {
        let (before, after) = (&text[..place], &text[place + character.len_utf8()..]);
        for slip in [
            "", "\t", " ", "\n", "\u{a0}", "{", "}", "[", "*", "\"", "'", "-", ":", "@", "#", "ü",
        ] {
            let slipped = format!("{before}{slip}{after}");
            if let Err(problems) = Config::parse(&slipped, "x.yaml", Path::new("")) {
                assert!(problems.to_string().contains("problem"));
            }
        }
    }
}

#[test]
fn secrets_are_masked_wherever_the_mistake_beside_them_is() {
    for text in [
        "version: 1\nlisteners: { a: { address: 1, secret: hunter2 } }\n",
        "{\"version\": 1, \"listeners\": {}, \"password\": \"hunter2\", \"oops\": 1}",
        "version: 1\nx: &s hunter2\nidentities: { a: { credentials: [{ secret: *s }] } }\n",
        "version: 1\nsecret: |\n  hunter2\n  hunter2\noops: 1\n",
        "version: 1\nsecret: [hunter2, { hunter2: 1 }]\n",
        "version: 1\nsecret: hunter2\n\tlisteners: 1\n",
        "version: 1\nsecret: \"hunter2\n  hunter2",
        "version: 1\nkey:\n  hunter2:\n    hunter2: : :\n",
        "version: 1\nlisteners: { a: { address: \"eyJhunter2.hunter2.hunter2\" } }\n",
        "version: 1\nfetch: { proxy: https://u:hunter2@proxy.example }\n",
        "version: 1\nidentities: { a: { credentials: [{ secret: { file:hunter2 } }] } }\n",
        "version: 1\nidentities: { a: { credentials: [{ secret: { hunter2 } }] } }\n",
        "version: 1\nidentities: { a: { credentials: [{ secret: *hunter2 }] } }\n",
        "version: 1\nidentities: { a: { credentials: [{ secret: hunter2{x} }] } }\n",
        "version: 1\nsecret:hunter2\nlisteners: {}\n",
    ] {
        let printed = Config::parse(text, "x.yaml", Path::new(""))
            .unwrap_err()
            .to_string();
        assert!(!printed.contains("hunter2"), "{text}\n{printed}");
    }
}

#[test]
fn more_problems_than_anyone_reads_end_the_list() {
    let mut text = String::from("version: 1\n");
    (0..5000).for_each(|index| text.push_str(&format!("mistake-{index}: 1\n")));
    let problems = Config::parse(&text, "x.yaml", Path::new("")).unwrap_err();
    assert_eq!(problems.0.len(), 1000);
    assert!(
        problems
            .to_string()
            .ends_with("there may be more; nothing was started.")
    );
}

#[test]
fn files_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Config::load(&folder.path().join("missing.yaml")).unwrap_err();
    assert!(
        missing.0[0]
            .message
            .starts_with("there is no file missing.yaml in "),
        "{missing}"
    );
    assert!(Config::load(folder.path()).is_err(), "a folder is no file");
    let binary = folder.path().join("binary.yaml");
    fs::write(&binary, b"version: 1\n\xff\xfe").unwrap();
    assert!(
        Config::load(&binary).unwrap_err().0[0]
            .message
            .contains("UTF-8")
    );
    let wide = folder.path().join("wide.yaml");
    fs::write(&wide, b"\xff\xfev\0e\0r\0").unwrap();
    let refused = Config::load(&wide).unwrap_err();
    assert!(refused.0[0].message.contains("is UTF-16"), "{refused}");
    let huge = folder.path().join("huge.yaml");
    fs::write(&huge, " ".repeat(16 * 1024 * 1024 + 1)).unwrap();
    assert!(
        Config::load(&huge).unwrap_err().0[0]
            .message
            .contains("16 MiB")
    );
}

fn invalid() -> impl Iterator<Item = PathBuf> {
    let folder = fs::read_dir(Path::new(FIXTURES).join("invalid")).unwrap();
    folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "yaml"))
}

fn printed(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap();
    let text = fs::read_to_string(path).unwrap();
    match Config::parse(&text, name, Path::new(FIXTURES)) {
        Ok(_) => panic!("{name} is accepted"),
        // What is looked for is told by its whole path, which is another on each machine.
        Err(problems) => {
            let here = std::env::current_dir().unwrap();
            format!("{problems}\n").replace(here.to_str().unwrap(), "")
        }
    }
}

fn compare(path: &Path) -> Option<String> {
    let golden = path.with_extension("txt");
    let printed = printed(path);
    if std::env::var_os(BLESS).is_some() {
        fs::write(&golden, &printed).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
    let differs = || {
        format!(
            "{}\n--- expected\n{expected}--- printed\n{printed}",
            path.display()
        )
    };
    (printed != expected).then(differs)
}
