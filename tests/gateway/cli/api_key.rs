//! `api-key new`: a key, alone on standard output or in a file of its owner's, and lines that load.

use std::os::unix::fs::PermissionsExt;

use bearergate::config::Config;

use crate::support::run;

/// A file whose one route takes these lines as its callers.
fn with_callers(lines: &str) -> String {
    format!(
        "version: 1\nlisteners: {{ apis: {{ address: 127.0.0.1:0 }} }}\nroutes:\n- id: a\n  listener: apis\n  \
         match: {{ path: /a }}\n  callers:\n{lines}\n  upstream: {{ url: http://127.0.0.1:1 }}\n"
    )
}

#[test]
fn a_new_key_is_random_and_its_lines_load() {
    let (one, other) = (
        run(&["api-key", "new"]).ends(0),
        run(&["api-key", "new"]).ends(0),
    );
    assert_ne!(one.out, other.out);
    assert_eq!(
        (one.out.trim_end().len(), one.out.lines().count()),
        (43, 1),
        "{}",
        one.out
    );
    assert!(!one.err.contains(one.out.trim_end()), "{}", one.err);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("erp.key");
    let name = path.display().to_string();
    let new = ["api-key", "new", "--id", "erp", "--out", &name];
    let ran = run(&new).ends(0);
    let key = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(!ran.out.contains(&key), "{}", ran.out);
    let lines: Vec<_> = ran
        .out
        .lines()
        .filter(|line| line.contains("api_key:"))
        .collect();
    let loaded = lines
        .iter()
        .map(|line| Config::parse(&with_callers(line), "a", folder.path()));
    let loaded: Vec<_> = loaded.map(|config| config.unwrap()).collect();
    assert_eq!(loaded.len(), 2);
    assert_eq!(loaded[0], loaded[1], "the hash is the key's");

    run(&new).ends(1).says(&["already there", "--force"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), key);
    run(&["api-key", "new", "--id", "a b"])
        .ends(2)
        .says(&["a name of letters"]);
}
