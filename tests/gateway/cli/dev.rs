//! `dev`: it comes up, says where, does what it prints, and leaves nothing behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Process, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_comes_up_says_where_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready.json");
    let name = ready.display().to_string();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let arguments = ["dev", "--https", "--any-ports", "--ready-file", &name];
    let dev = Process::start(&arguments, |command| {
        command.env("TMPDIR", &scratch);
    });
    dev.says("Ctrl-C").await;
    assert_eq!(
        std::fs::metadata(&ready).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert!(facts["authority"].as_str().unwrap().starts_with("https://"));
    assert!(Path::new(facts["ca_file"].as_str().unwrap()).exists());
    let made = std::fs::read_dir(&scratch)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let secret = |name: &str| {
        [".key", ".pass", ".pfx", ".pem", ".header"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let mut secrets = 0;
    for file in std::fs::read_dir(made.path()).unwrap() {
        let (file, name) = (file.as_ref().unwrap(), file.as_ref().unwrap().file_name());
        if secret(name.to_str().unwrap()) {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name:?}");
            secrets += 1;
        }
    }
    assert!(secrets >= 8, "{secrets}");
    let (code, out, log) = dev.stop().await;
    let printed = out + &log;
    assert_eq!(code, Some(0), "{printed}");
    for told in [
        "issuer's authority (PEM)",
        "calculator.header",
        "→ 401 no_credential",
    ] {
        assert!(printed.contains(told), "{told} in\n{printed}");
    }
    for secret in ["api_key", "clients"] {
        let text = facts[secret].as_str().unwrap_or("eyJ");
        assert!(!printed.contains(text), "{printed}");
    }
    assert!(!ready.exists(), "what it tells of is gone");
    assert_eq!(
        std::fs::read_dir(&scratch).unwrap().count(),
        0,
        "keys and tokens are gone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_moves_off_taken_ports_and_says_so() {
    // Whoever holds a port, this test or another process: it is taken.
    let held: Vec<_> = [8080, 8400]
        .iter()
        .map(|port| std::net::TcpListener::bind(("127.0.0.1", *port)))
        .collect();
    let dev = Process::start(&["dev"], |_| {});
    dev.says("Ctrl-C").await;
    let (code, out, log) = dev.stop().await;
    let printed = out + &log;
    drop(held);
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("apis: 127.0.0.1:8080 is taken"),
        "{printed}"
    );
    assert!(
        printed.contains("issuer: 127.0.0.1:8400 is taken"),
        "{printed}"
    );
    assert!(
        !printed.contains("curl http://127.0.0.1:8080/"),
        "{printed}"
    );
}

#[test]
fn dev_try_runs_what_it_prints() {
    run(&["dev", "--try", "--any-ports"])
        .ends(0)
        .says(&["7 passed, 0 failed"]);
}

/// A file as somebody has it: tenants, applications, upstreams and roles of its own.
const MINE: &str = r#"
version: 1
listeners: { front: { address: 127.0.0.1:18090 } }
issuers:
  fabrikam:
    entra: { tenant: 8b3f1f9e-52d7-4d0a-9a47-0c1a5f0e6d11 }
identities:
  reader:
    entra: { tenant: 8b3f1f9e-52d7-4d0a-9a47-0c1a5f0e6d11, client_id: 2f6f0c9b-3d2f-4a50-9a53-0f8b2f4e7c1d }
    credentials: [secret: { file: reader.secret }]
  people:
    entra: { tenant: 8b3f1f9e-52d7-4d0a-9a47-0c1a5f0e6d11, client_id: 5f0e6d11-52d7-4d0a-9a47-8b3f1f9e0c1a }
    credentials: [secret: { file: reader.secret }]
routes:
  - id: stock
    listener: front
    match: { path: "/stock/{plant}/**", methods: [GET] }
    callers:
      - bearer:
          issuer: fabrikam
          audiences: [api://stock]
          azp: [0c1a5f0e-7c1d-4a50-9a53-3d2f6f0c9b12]
          all_roles: [Stock.Read, Stock.All]
        where: { plant: ["plant-*"] }
    upstream: { url: https://stock.fabrikam.example/api }
    caller_headers: { X-Roles: roles }
    token: { identity: reader, scope: https://stock.fabrikam.example/.default }
  - id: people
    listener: front
    match: { path: /people, methods: [POST] }
    callers: [bearer: { issuer: fabrikam, audiences: [5f0e6d11-52d7-4d0a-9a47-8b3f1f9e0c1a], scp: [People.Write] }]
    upstream: { url: http://people.internal }
  - id: mail
    listener: front
    match: { path: /v1.0/me/messages, methods: [GET] }
    callers: [bearer: { issuer: fabrikam, audiences: [5f0e6d11-52d7-4d0a-9a47-8b3f1f9e0c1a], scp: [People.Write] }]
    upstream: { url: https://graph.microsoft.com }
    token: { identity: people, scope: https://graph.microsoft.com/Mail.Read, on_behalf_of: caller }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_runs_somebodys_own_file_with_tokens_that_hold_its_roles() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    std::fs::write(&file, MINE).unwrap();
    std::fs::write(folder.path().join("reader.secret"), "the-real-one").unwrap();
    let name = file.display().to_string();
    let dev = Process::start(&["dev", "--any-ports", "--config", &name], |_| {});
    dev.says("Ctrl-C").await;
    let printed = dev.out();
    let told = printed.contains("https://stock.fabrikam.example is the echo API");
    assert!(told && printed.contains("identity reader"), "{printed}");
    let lines: Vec<_> = printed
        .lines()
        .filter_map(|line| line.trim().strip_prefix("curl "))
        .collect();
    assert_eq!(lines.len(), 3, "{printed}");
    for (line, seen) in lines.iter().zip([
        "\"Stock.Read,Stock.All\"",
        "\"/people\"",
        "users('ceo@contoso.example')",
    ]) {
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("curl -sS -w '%{{http_code}}' {line}"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.ends_with("200") && text.contains(seen),
            "{line}\n{text}"
        );
    }
    let (code, out, log) = dev.stop().await;
    assert_eq!(code, Some(0), "{out}{log}");
    std::fs::write(&file, MINE.replace("fabrikam,", "fabricam,")).unwrap();
    run(&["dev", "--config", &name])
        .ends(2)
        .says(&["mine.yaml:", "did you mean `fabrikam`?"]);
}
