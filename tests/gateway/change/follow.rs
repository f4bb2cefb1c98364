//! A gateway that runs follows its file and what that names: by itself, and when it is told to. What
//! holds is taken over, what does not changes nothing and is said.

use std::io::{Seek, Write};
use std::os::unix::fs::symlink;
use std::path::Path;

use bearergate::fake::Contoso;

use super::{REFUSED, TAKEN, get, metric, setup};
use crate::support::{API_KEY, Connection, Process, Setup, eventually};

const MORE: &str = "{ id: more, listener: apis, match: { path: /more/** }, callers: public, \
                    upstream: { url: $ECHO } }";

async fn status(gate: &Process, path: &str) -> u16 {
    let key = format!("X-Api-Key: {API_KEY}\r\n");
    get(gate, "apis", path, &key).await.status
}

async fn becomes(gate: &Process, path: &str, expected: u16) {
    eventually(&format!("{path} is {expected}"), async || {
        status(gate, path).await == expected
    })
    .await;
}

async fn is_told(gate: &Process, configuration: serde_json::Value, stale: &str) {
    eventually("it is told", async || {
        let report = get(gate, "admin", "/readyz", "").await;
        assert_eq!(report.status, 200);
        report.json()["configuration"] == configuration
    })
    .await;
    assert_eq!(metric(gate, "bearergate_configuration_stale ").await, stale);
}

fn times(gate: &Process, words: &str) -> usize {
    gate.log().matches(words).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_taken_over_by_itself_and_by_sighup() {
    let mut setup = setup();
    let gate = Process::serve(&setup.written()).await;
    assert_eq!(status(&gate, "/more/x").await, 404);
    let before = setup.tree.clone();
    setup.add("/routes", MORE);
    setup.written();
    becomes(&gate, "/more/x", 200).await;
    gate.says(TAKEN).await;
    let log = gate.log();
    let line = log.lines().find(|line| line.contains(TAKEN)).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["new"], &line["gone"]),
        (&"routes.more".into(), &"".into())
    );
    let success = "bearergate_reloads_total{outcome=\"success\"} ";
    assert_ne!(metric(&gate, success).await, "0");

    setup.tree = before;
    setup.written();
    becomes(&gate, "/more/x", 404).await;
    // Asked for, it is read and told whether anything differs or not.
    let told = times(&gate, TAKEN);
    gate.signal("HUP");
    eventually("SIGHUP is heard", async || times(&gate, TAKEN) > told).await;
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(REFUSED), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_hold_changes_nothing_and_is_said_until_it_does() {
    let mut setup = setup();
    let path = setup.written();
    let gate = Process::serve(&path).await;
    gate.says("\"message\":\"ready\"").await;
    let good = setup.text();
    let wrong = good
        .replace("invokeRole", "")
        .replace("\"roles\"", "\"rolls\"");
    std::fs::write(&path, wrong).unwrap();
    let invalid = serde_json::json!({ "state": "refused", "failure": "invalid" });
    is_told(&gate, invalid, "1").await;
    gate.says("did you mean `roles`").await;
    assert_eq!(status(&gate, "/open/x").await, 200);
    assert_eq!(status(&gate, "/mail/x").await, 200);
    let failure = "bearergate_reloads_total{outcome=\"failure\"} ";
    assert_eq!(metric(&gate, failure).await, "1");

    std::fs::write(&path, &good).unwrap();
    let current = serde_json::json!({ "state": "current" });
    is_told(&gate, current.clone(), "0").await;

    // A file that it names, and that is gone: the key of before goes on until there is another.
    let key = setup.path("payroll.key");
    std::fs::remove_file(&key).unwrap();
    let invalid = serde_json::json!({ "state": "refused", "failure": "invalid" });
    is_told(&gate, invalid, "1").await;
    gate.says("there is no file payroll.key").await;
    assert_eq!(status(&gate, "/mail/x").await, 200);
    std::fs::write(&key, API_KEY).unwrap();
    is_told(&gate, current, "0").await;

    setup.add("/routes", MORE);
    setup.set("/listeners/apis/address", "127.0.0.2:0");
    setup.written();
    let restart = serde_json::json!({ "state": "refused", "failure": "needs_restart" });
    is_told(&gate, restart, "1").await;
    gate.says("only a restart can change listeners.apis").await;
    assert_eq!(status(&gate, "/more/x").await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_file_is_not_taken_over_though_it_is_valid_and_lets_more_in() {
    let mut setup = setup();
    setup.add("/routes/1/callers/0", "network: [192.0.2.0/24]");
    let path = setup.written();
    let gate = Process::serve(&path).await;
    gate.says("\"message\":\"ready\"").await;
    assert_eq!(status(&gate, "/mail/x").await, 403);
    // Without the network, whoever has the key comes in.
    let whole = setup.text();
    setup.tree["routes"][1]["callers"][0]
        .as_object_mut()
        .unwrap()
        .remove("network");
    setup.add("/routes", MORE);
    let half = setup.text();
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(half.as_bytes()).unwrap();
    gate.signal("HUP");
    gate.says("a file is being written").await;
    assert_eq!(status(&gate, "/mail/x").await, 403);
    assert_eq!(times(&gate, TAKEN), 0, "{}", gate.log());
    file.set_len(0).unwrap();
    file.rewind().unwrap();
    file.write_all(whole.replace("/open/**", "/opened/**").as_bytes())
        .unwrap();
    drop(file);
    becomes(&gate, "/opened/x", 200).await;
    assert_eq!(status(&gate, "/mail/x").await, 403);
    assert_eq!(times(&gate, REFUSED), 0, "{}", gate.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_revoked_is_refused_on_a_connection_that_is_open() {
    let setup = setup();
    let gate = Process::serve(&setup.written()).await;
    let mut caller = Connection::open(gate.address("apis")).await;
    let request = format!("GET /mail/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\n\r\n");
    caller.send(&request).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
    let other = "another-0123456789abcdef0123456789abcdef";
    std::fs::write(setup.path("payroll.key"), other).unwrap();
    gate.says(TAKEN).await;
    caller.send(&request).await;
    assert_eq!(caller.reply().await.unwrap().status, 401);
    caller.send(request.replace(API_KEY, other)).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
}

/// Mounts what a folder holds as Kubernetes does, and swaps it for what was mounted before.
fn mount(at: &Path, version: &str, files: &[(&str, &str)]) {
    let folder = at.join(version);
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
        let link = at.join(name);
        if link.symlink_metadata().is_err() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    let before = std::fs::read_link(at.join("..data"));
    symlink(version, at.join("..data_tmp")).unwrap();
    std::fs::rename(at.join("..data_tmp"), at.join("..data")).unwrap();
    if let Ok(before) = before {
        std::fs::remove_dir_all(at.join(before)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kubernetes_mounts_is_seen_when_its_links_are_swapped() {
    let mut setup = setup();
    let (config, secrets) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = secrets.path().join("payroll.key");
    let named = |setup: &Setup| {
        setup
            .text()
            .replace("payroll.key", &key.display().to_string())
    };
    mount(secrets.path(), "..1", &[("payroll.key", API_KEY)]);
    let secret = std::fs::read_to_string(setup.path("mail.secret")).unwrap();
    let text = named(&setup);
    let files = |text: String| [("gate.yaml", text), ("mail.secret", secret.clone())];
    let mounted = |version: &str, text: String| {
        let files = files(text);
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, &**text)).collect();
        mount(config.path(), version, &files);
    };
    mounted("..1", text);
    let path = config.path().join("gate.yaml");
    let gate = Process::serve(&path.display().to_string()).await;
    assert_eq!(status(&gate, "/mail/x").await, 200);
    setup.add("/routes", MORE);
    mounted("..2", named(&setup));
    becomes(&gate, "/more/x", 200).await;
    let other = "another-0123456789abcdef0123456789abcdef";
    mount(secrets.path(), "..2", &[("payroll.key", other)]);
    becomes(&gate, "/mail/x", 401).await;
    mount(secrets.path(), "..3", &[("payroll.key", API_KEY)]);
    becomes(&gate, "/mail/x", 200).await;
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    assert!(!log.contains(REFUSED), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_has_its_keys_and_tokens_before_it_is_taken_over() {
    let mut setup = setup();
    let gate = Process::serve(&setup.written()).await;
    gate.says("\"message\":\"ready\"").await;
    becomes(&gate, "/mail/x", 200).await;
    let asked = |setup: &Setup| {
        let issuer = &setup.contoso.issuer;
        (issuer.key_fetches(), issuer.token_requests())
    };
    assert_eq!(asked(&setup), (1, 1));
    setup.add("/issuers/contoso", "leeway: 30s");
    setup.add("/identities/mail-daemon", "tokens: { cool_down: 6s }");
    setup.written();
    gate.says(TAKEN).await;
    assert_eq!(asked(&setup), (2, 2), "before anybody has asked");
    let token = setup.token().role(Contoso::CALC_ROLE).mint();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(
        get(&gate, "apis", "/calc/v1/add/1/1", &bearer).await.status,
        200
    );
    assert_eq!(status(&gate, "/mail/x").await, 200);
    assert_eq!(asked(&setup), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_something_new_is_waited_for_what_is_newer_still_counts() {
    let mut setup = setup();
    let gate = Process::serve(&setup.written()).await;
    let before = setup.tree.clone();
    let gone = format!(
        "entra: {{ tenant: {}, authority: 'http://127.0.0.1:1' }}",
        Contoso::CALC_TENANT
    );
    setup.set("/issuers/contoso", &gone);
    setup.written();
    // It has begun when it has failed to get its keys.
    gate.says("issuer keys could not be fetched").await;
    setup.tree = before;
    setup.add("/routes", MORE);
    setup.written();
    becomes(&gate, "/more/x", 200).await;
    gate.says(TAKEN).await;
    assert_eq!(times(&gate, TAKEN), 1, "{}", gate.log());
    let token = setup.token().role(Contoso::CALC_ROLE).mint();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    assert_eq!(
        get(&gate, "apis", "/calc/v1/add/1/1", &bearer).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_stays_away_is_waited_for_ten_seconds_and_then_said() {
    let mut setup = setup();
    let gate = Process::serve(&setup.written()).await;
    let gone = format!(
        "entra: {{ tenant: {}, authority: 'http://127.0.0.1:1' }}",
        Contoso::CALC_TENANT
    );
    setup.set("/issuers/contoso", &gone);
    setup.add("/routes", MORE);
    let path = setup.written();
    gate.says("issuer keys could not be fetched").await;
    // What is no good and comes meanwhile takes nothing from it.
    std::fs::write(&path, "version: 1").unwrap();
    gate.says(REFUSED).await;
    becomes(&gate, "/more/x", 200).await;
    let invalid = serde_json::json!({ "state": "refused", "failure": "invalid" });
    is_told(&gate, invalid, "1").await;
    gate.says("taken over without keys or tokens that are new")
        .await;
    assert!(
        gate.log().contains("\"cold\":\"issuers.contoso\""),
        "{}",
        gate.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_revoked_is_refused_before_what_is_new_beside_it_has_its_keys() {
    let mut setup = setup();
    let gate = Process::serve(&setup.written()).await;
    gate.says("\"message\":\"ready\"").await;
    becomes(&gate, "/mail/x", 200).await;
    let token = setup.token().role(Contoso::CALC_ROLE).mint();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let gone = format!(
        "entra: {{ tenant: {}, authority: 'http://127.0.0.1:1' }}",
        Contoso::CALC_TENANT
    );
    setup.set("/issuers/contoso", &gone);
    setup.set(
        "/routes/1/callers",
        "[bearer: { issuer: contoso, audiences: [other], roles: [other] }]",
    );
    setup.set("/routes/2/match/path", "/opened/**");
    setup.add("/routes", MORE);
    setup.written();
    gate.says("issuer keys could not be fetched").await;
    // The key is gone, and so is a path; and a token that cannot be judged yet helps no key.
    becomes(&gate, "/mail/x", 401).await;
    let both = format!("X-Api-Key: {API_KEY}\r\n{bearer}");
    assert_eq!(get(&gate, "apis", "/mail/x", &both).await.status, 401);
    assert_eq!(status(&gate, "/open/x").await, 404);
    // Nobody else is refused, and what is let in beyond that has to wait.
    let calc = get(&gate, "apis", "/calc/v1/add/1/1", &bearer).await;
    assert_eq!(calc.status, 200);
    assert_eq!(status(&gate, "/more/x").await, 404);
    assert_eq!(times(&gate, TAKEN), 0, "{}", gate.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_no_longer_see_the_status_page_is_refused_as_soon() {
    let mut setup = setup().file("ops.key", "ops-fedcba9876543210fedcba9876543210");
    setup.add(
        "/admin",
        "callers: [api_key: { id: ops, key: { file: ops.key } }]",
    );
    let gate = Process::serve(&setup.written()).await;
    gate.says("\"message\":\"ready\"").await;
    let seen = async |header: &str| get(&gate, "admin", "/status.json", header).await.status;
    let key = "X-Api-Key: ops-fedcba9876543210fedcba9876543210\r\n";
    assert_eq!(seen(key).await, 200);
    let gone = format!(
        "entra: {{ tenant: {}, authority: 'http://127.0.0.1:1' }}",
        Contoso::CALC_TENANT
    );
    setup.set("/issuers/contoso", &gone);
    let other = "new-fedcba9876543210fedcba9876543210";
    std::fs::write(setup.path("ops.key"), other).unwrap();
    setup.written();
    gate.says("issuer keys could not be fetched").await;
    eventually("the key is refused", async || seen(key).await == 401).await;
    // The new one has to wait, and so has whatever else the new plan lets in.
    let other = format!("X-Api-Key: {other}\r\n");
    assert_eq!(seen(&other).await, 401);
    assert_eq!(times(&gate, TAKEN), 0, "{}", gate.log());
    eventually("it is let in", async || seen(&other).await == 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_input_is_read_once_and_sighup_ends_nothing() {
    let setup = setup();
    let text = std::fs::File::open(setup.written()).unwrap();
    let folder = setup.folder().to_owned();
    let gate = Process::serve_as("-", |command| {
        command.stdin(text).current_dir(folder);
    })
    .await;
    gate.signal("HUP");
    gate.says("standard input cannot be read again").await;
    assert_eq!(status(&gate, "/open/x").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_does_not_answer_keeps_no_process_from_its_end() {
    let mut setup = setup();
    let path = setup.written();
    let mut gate = Process::serve(&path).await;
    let mut mkfifo = std::process::Command::new("mkfifo");
    let made = mkfifo.arg(format!("{path}.pipe")).status().unwrap();
    assert!(made.success());
    std::fs::rename(format!("{path}.pipe"), &path).unwrap();
    gate.signal("HUP");
    gate.says("did not answer").await;
    assert_eq!(status(&gate, "/more/x").await, 404);
    // What comes next is read all the same.
    std::fs::remove_file(&path).unwrap();
    setup.add("/routes", MORE);
    setup.written();
    becomes(&gate, "/more/x", 200).await;
    gate.signal("TERM");
    assert_eq!(gate.ended().await, Some(0));
}
