//! `check` and `token`: what they tell of a file, of what it names, and of what comes of it.

use std::io::Write;
use std::process::Stdio;

use crate::support::{CALC, GRAPH, Ran, command, run};
use bearergate::clock::UnixTime;
use bearergate::fake::{Contoso, KeyPair};

use super::setup;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_prints_the_plan_and_colours_are_for_terminals() {
    let setup = setup().plain("open", "url: http://127.0.0.1:1", "");
    let config = setup.written();
    let ran = run(&["check", "--config", &config]).ends(0).says(&[
        "who may come in",
        "the key payroll",
        "mail-daemon's",
        "nobody's",
        "2 routes, 0 issuers, 1 identity: valid.",
    ]);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains('\u{1b}'), "a pipe gets no colours");
    assert!(
        ran.out.contains(&setup.echo.base()),
        "a URL stays whole:\n{}",
        ran.out
    );
    let alone = run(&["check", &config]).ends(0);
    assert_eq!(alone.out, ran.out, "the file may stand alone");
    let narrow = run(&["check", "--width", "60", &config]).ends(0).out;
    assert!(
        !narrow.contains('│') && narrow.contains("who may come in\n  "),
        "{narrow}"
    );
    let forced = command(&["check", "--online", "--config", &config])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(Ran::of(forced).out.contains("\u{1b}["));
    let unwanted = command(&["check", "--online", "--config", &config])
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert!(!Ran::of(unwanted).out.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_online_tells_what_works_and_what_does_not() {
    let setup = setup();
    let config = setup.written();
    let ran = run(&["check", "--online", "--config", &config]).ends(0);
    assert!(ran.out.contains("ok  token of mail-daemon"), "{}", ran.out);
    assert!(ran.out.contains("ok  upstream 127.0.0.1"), "{}", ran.out);

    let broken = setup
        .identity("reports", "$ISSUER", "not this application's secret")
        .route("reports", "$ECHO", "reports", GRAPH)
        .plain("gone", "url: http://127.0.0.1:1", "");
    let ran = run(&["check", "--online", "--config", &broken.written()])
        .ends(1)
        .says(&[
            "failed  token of reports",
            "AADSTS7000215",
            "give the secret's Value",
            "failed  upstream 127.0.0.1:1",
            "2 of these failed; the file itself is valid",
        ]);
    assert!(
        ran.out.contains("ok  token of mail-daemon"),
        "all are tried"
    );
    assert!(!ran.out.contains("not this application's secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_when_a_certificate_has_ended_and_what_is_wrong_with_a_pfx() {
    let ended = KeyPair::generate_expired("old", UnixTime::now()).unwrap();
    let mut setup = setup()
        .file("old.pfx", ended.pkcs12("a passphrase").unwrap())
        .file("old.pass", "a passphrase\n")
        .file("wrong.pass", "another passphrase\n");
    let mut with = |more: &str| {
        let credential = format!("{{ file: old.pfx{more} }}");
        setup.set(
            "/identities/mail-daemon/credentials/0",
            &format!("certificate: {credential}"),
        );
        let config = setup.written();
        (run(&["check", "--config", &config]), config)
    };
    let (ran, _) = with(", passphrase: { file: old.pass }");
    ran.ends(1).says(&[
        "note  identity mail-daemon: its certificate ended at",
        "1 certificate ended; the file itself is valid",
    ]);
    let (ran, config) = with(", passphrase: { file: wrong.pass }");
    let ran = ran
        .ends(2)
        .says(&["gate.yaml:", "the passphrase does not open it"]);
    assert!(!ran.err.contains("another passphrase"), "{}", ran.err);
    let ran = run(&["serve", "--config", &config]).ends(2);
    assert!(
        !ran.err.contains("listening"),
        "nothing is bound before the file is valid"
    );
    let (ran, _) = with("");
    ran.ends(2).says(&["give `passphrase`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_shows_claims_and_keeps_the_token_to_itself_unless_asked() {
    let setup = setup();
    let config = setup.written();
    let token = ["token", "--config", &config, "--identity"];
    let with = |rest: &[&str]| run(&[&token[..], rest].concat());
    let ran = with(&["mail-daemon", "--scope", GRAPH]).ends(0).says(&[
        "\"aud\": \"https://graph.microsoft.com\"",
        "\"Mail.Read\"",
        "valid until",
    ]);
    assert!(!ran.out.contains("eyJ"), "{}", ran.out);
    let json = with(&["mail-daemon", "--scope", GRAPH, "--json"])
        .ends(0)
        .out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["claims"]["aud"], "https://graph.microsoft.com");
    assert!(
        json["header"]["kid"].is_string() && json["expires_at"].is_string(),
        "{json}"
    );
    assert!(!json.to_string().contains("eyJ"), "{json}");
    let raw = with(&["mail-daemon", "--scope", CALC, "--raw"]).ends(0).out;
    assert_eq!(
        (raw.trim_end().split('.').count(), raw.lines().count()),
        (3, 1),
        "{raw}"
    );
    with(&["mail-deamon", "--scope", GRAPH])
        .ends(2)
        .says(&["no identity `mail-deamon`", "did you mean `mail-daemon`?"]);
    with(&["x", "--scope", GRAPH])
        .ends(2)
        .says(&["it has: mail-daemon"]);
    with(&["mail-daemon", "--scope", "api://nobody/.default"])
        .ends(1)
        .says(&[
            "identity mail-daemon got no token",
            "AADSTS500011",
            "check the App ID URI",
        ]);
}

#[test]
fn check_reads_standard_input() {
    let file = "version: 1\nlisteners: { apis: { address: 127.0.0.1:0, trusted_proxies: [10.0.0.0/24] } }\n\
                admin: { address: 127.0.0.1:9999 }\nroutes: []\n";
    for arguments in [&["check", "-"][..], &["check", "-c", "-"]] {
        let given = |text: &str| {
            let mut child = command(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(text.as_bytes()).unwrap();
            drop(input);
            Ran::of(child.wait_with_output().unwrap())
        };
        given(file).ends(0).says(&[
            "apis 127.0.0.1:0",
            "trusts 10.0.0.0/24",
            "127.0.0.1:9999",
            "valid.",
        ]);
        given("versoin: 1")
            .ends(2)
            .says(&["standard input:1:1: versoin"]);
    }
}

#[test]
fn check_tells_machines_on_standard_output_and_people_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.yaml").display().to_string();
    let check = |form: &str| run(&["check", "--format", form, &file]);
    std::fs::write(&file, "versoin: 1").unwrap();
    for (form, begins) in [("json", "{"), ("sarif", "{"), ("github", "::error file=")] {
        let ran = check(form).ends(2);
        assert!(ran.out.starts_with(begins), "{}", ran.out);
        assert!(ran.err.contains("nothing was started"), "{}", ran.err);
    }
    let told: serde_json::Value = serde_json::from_str(&check("json").out).unwrap();
    assert_eq!(
        (&told["valid"], &told["file"]),
        (&false.into(), &file.as_str().into())
    );
    let log: serde_json::Value = serde_json::from_str(&check("sarif").out).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["level"], "error");
    let valid = "version: 1\nlisteners: { apis: { address: 127.0.0.1:0 } }\nroutes: []\n";
    std::fs::write(&file, valid).unwrap();
    let ran = check("github").ends(0);
    assert!(
        ran.out.starts_with("::notice file=") && ran.err.is_empty(),
        "{ran:?}"
    );
    let told: serde_json::Value = serde_json::from_str(&check("json").ends(0).out).unwrap();
    assert_eq!((&told["valid"], &told["routes"]), (&true.into(), &0.into()));
}

#[test]
fn completions_and_manual_are_those_of_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        run(&["completions", shell]).ends(0).says(&["certificate"]);
    }
    run(&["manual"]).ends(0).says(&[".SH EXIT STATUS"]);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    let written = run(&["manual", "--out", &out.display().to_string()])
        .ends(0)
        .out;
    for page in [
        "bearergate",
        "bearergate-serve",
        "bearergate-certificate-new",
    ] {
        let path = out.join(format!("{page}.1"));
        assert!(written.contains(&path.display().to_string()), "{written}");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(".TH ") && text.contains(".SH SYNOPSIS"),
            "{text}"
        );
        assert_eq!(
            text.contains(".SH EXAMPLES"),
            page != "bearergate",
            "{text}"
        );
        assert!(!text.contains("EXTRA"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_online_tells_what_is_behind_a_refusal() {
    let setup = setup()
        .identity("by-id", "$ISSUER", "3f0e1d2c-4b5a-4968-8776-655443322110")
        .route("by-id", "$ECHO", "by-id", GRAPH)
        .put(
            "/identities",
            "elsewhere: { entra: { tenant: $MAIL_TENANT, client_id: $MAIL_CLIENT, cloud: usgov, authority: $ISSUER }, credentials: [secret: { file: mail.secret }] }",
        )
        .put(
            "/routes",
            "id: events\nlistener: legacy\nmatch: { path: '/users/{mailbox}/events', methods: [GET] }\n\
             callers: [api_key: { id: payroll, key: { file: payroll.key } }]\nupstream: { url: $ECHO }\n\
             token: { identity: mail-daemon, scope: 'https://graph.microsoft.com/.default', allow_host_mismatch: true }",
        );
    run(&["check", "--online", "--config", &setup.written()])
        .ends(1)
        .says(&[
            "ok  tenant of by-id: known to 127.0.0.1:",
            "the clocks agree",
            "failed  tenant of elsewhere: the tenant is of the cloud `public`; set `cloud: public`",
            "AADSTS7000215",
            "what is given has the form of a GUID, as Secret IDs have",
            "with the roles [Mail.Read, Mail.Send]: events wants Calendars.Read or Calendars.ReadWrite",
        ]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_asked_for_with_the_claims_of_a_challenge() {
    let setup = setup();
    let config = setup.written();
    let json = r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"}}}"#;
    let encoded =
        "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzkwMDAwMTIzIn19fQ==";
    for claims in [json, encoded, encoded.trim_end_matches('=')] {
        run(&[
            "token",
            &config,
            "-i",
            "mail-daemon",
            "-s",
            GRAPH,
            "--claims",
            claims,
        ])
        .ends(0);
        let asked = setup.contoso.issuer.last_token_request().unwrap();
        assert_eq!(asked.field("claims"), Some(json));
    }
    for claims in ["", "{}", "claims", "eyJhIjoxfQ", r#"{"access_token":1}"#] {
        run(&[
            "token",
            &config,
            "-i",
            "mail-daemon",
            "-s",
            GRAPH,
            "--claims",
            claims,
        ])
        .ends(2)
        .says(&["--claims is neither JSON such as"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consent_is_asked_for_where_the_tenant_has_it() {
    let setup = setup().put("/identities", "here: { managed_identity: {} }");
    let config = setup.written();
    let base = setup.issuer();
    let tenant = Contoso::MAIL_TENANT;
    let client = Contoso::MAIL_CLIENT;
    run(&["consent-url", &config]).ends(0).says(&[
        &format!("mail-daemon: {base}/{tenant}/adminconsent?client_id={client}\n"),
        "here: a managed identity has no consent",
    ]);
    let back = ["--redirect-uri", "https://contoso.example/a?b=c&d"];
    let ran = run(&[
        "consent-url",
        &config,
        "-i",
        "mail-daemon",
        back[0],
        back[1],
    ])
    .ends(0);
    ran.says(&[
        &format!("mail-daemon: {base}/{tenant}/v2.0/adminconsent?client_id={client}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"),
        "&redirect_uri=https%3A%2F%2Fcontoso.example%2Fa%3Fb%3Dc%26d&state=",
    ]);
    run(&["consent-url", &config, "-i", "mail-deamon"])
        .ends(2)
        .says(&["did you mean `mail-daemon`?"]);
}
