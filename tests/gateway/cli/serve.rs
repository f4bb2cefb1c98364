//! `serve` and `probe`: what a gateway that runs tells its operator, and what it never prints.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::{
    API_KEY, Authority, Connection, GRAPH, Process, Reply, Setup, eventually, run,
};
use bearergate::clock::UnixTime;
use bearergate::fake::{Contoso, KeyPair};

use super::setup;

async fn ask(address: SocketAddr, head: &str) -> Reply {
    let mut connection = Connection::open(address).await;
    let request = format!("GET {head}\r\nHost: localhost\r\n\r\n");
    connection.send(request).await;
    connection.reply().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_assertion_or_token_is_ever_printed() {
    let pair = KeyPair::generate("mail-daemon").unwrap();
    let setup = setup()
        .file("mail.pfx", pair.pkcs12("PFX-PASSPHRASE-7").unwrap())
        .file("mail.pass", "PFX-PASSPHRASE-7\n")
        .identity_with(
            "by-certificate",
            "$ISSUER",
            "certificate: { file: mail.pfx, passphrase: { file: mail.pass } }",
        )
        .identity("wrong", "$ISSUER", "WRONG-SECRET-7")
        .route("certificate", "$ECHO", "by-certificate", GRAPH)
        .route("wrong", "$ECHO", "wrong", GRAPH);
    setup.contoso.register_mail_certificate(&pair).unwrap();
    let gate = Process::serve_as(&setup.written(), |command| {
        command
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full");
    })
    .await;
    let [address, admin] = ["legacy", "admin"].map(|name| gate.address(name));
    let mut hidden = vec![
        API_KEY.to_owned(),
        "PFX-PASSPHRASE-7".to_owned(),
        "WRONG-SECRET-7".to_owned(),
        setup.contoso.mail_secret.expose().clone(),
        "CALLERS-OWN-7".to_owned(),
    ];
    let mut answers = String::new();
    for (route, status) in [
        ("mail", 200),
        ("certificate", 200),
        ("wrong", 502),
        ("nowhere", 404),
    ] {
        let head = format!(
            "/{route}/x?$search=QUERY-7 HTTP/1.1\r\nX-Api-Key: {API_KEY}\r\n\
             Authorization: Bearer CALLERS-OWN-7"
        );
        let reply = ask(address, &head).await;
        assert_eq!(reply.status, status, "{route}: {}", reply.text());
        if status != 200 {
            answers += &reply.text();
        }
        let token = setup.echoed("authorization");
        hidden.push(token.trim_start_matches("Bearer ").to_owned());
        let asked = setup.contoso.issuer.last_token_request().unwrap();
        hidden.extend(asked.field("client_assertion").map(str::to_owned));
    }
    ask(
        address,
        &format!("/mail/x HTTP/1.1\r\nX-Api-Key: {API_KEY}x"),
    )
    .await;
    answers += &ask(admin, "/metrics HTTP/1.1").await.text();
    answers += &ask(admin, "/readyz HTTP/1.1").await.text();
    let (code, out, log) = gate.stop().await;
    let printed = out + &log;
    assert_eq!(code, Some(0));
    assert!(printed.contains("AADSTS7000215"), "{printed}");
    hidden.extend(["eyJ".to_owned(), "QUERY-7".to_owned()]);
    for secret in hidden {
        assert!(
            secret.len() > 2 && !printed.contains(&secret),
            "{secret} in\n{printed}"
        );
        assert!(!answers.contains(&secret), "{secret} in\n{answers}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_tells_at_start_of_a_credential_that_fails_and_of_a_certificate_that_ended() {
    let ended = KeyPair::generate_expired("old", UnixTime::now()).unwrap();
    let setup = setup()
        .file("old.pfx", ended.pkcs12("a passphrase").unwrap())
        .file("old.pass", "a passphrase")
        .identity("wrong", "$ISSUER", "not the secret of this application")
        .identity_with(
            "old",
            "$ISSUER",
            "certificate: { file: old.pfx, passphrase: { file: old.pass } }",
        )
        .route("wrong", "$ECHO", "wrong", GRAPH)
        .route("old", "$ECHO", "old", GRAPH);
    let gate = Process::serve(&setup.written()).await;
    let admin = gate.address("admin");
    eventually("both were asked for", async || {
        let report = ask(admin, "/readyz HTTP/1.1").await.text();
        report.matches("token_refused").count() == 2
    })
    .await;
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0));
    for told in [
        "give the secret's Value",
        "AADSTS700027",
        "identity old: its certificate ended at",
    ] {
        assert!(log.contains(told), "{told} in\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_asks_over_tls_whom_its_ca_file_vouches_for() {
    let authority = Authority::new("authority");
    let own = authority.server(&["localhost"]);
    let setup = Setup::open("$ECHO", "", "")
        .put("/admin", "tls: { certificate: own.pem }")
        .file("own.pem", own.whole())
        .file("ca.pem", authority.pem())
        .file("other.pem", Authority::new("other").pem());
    let gate = Process::serve(&setup.written()).await;
    let url = format!("https://localhost:{}/livez", gate.address("admin").port());
    let asked = |file: &str| {
        let file = setup.path(file).display().to_string();
        run(&["probe", &url, "--ca-file", &file])
    };
    asked("ca.pem").ends(0).says(&["200 alive"]);
    asked("other.pem")
        .ends(1)
        .says(&["`--ca-file` did not sign it"]);
    run(&["probe", &url])
        .ends(1)
        .says(&["belongs into `--ca-file`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_tells_health_by_its_exit_code() {
    let setup = Setup::of("calc.yaml").fill("ISSUER", "http://127.0.0.1:1");
    let gate = Process::serve(&setup.written()).await;
    let admin = gate.address("admin");
    run(&["probe", &format!("http://{admin}/livez")])
        .ends(0)
        .says(&["200"]);
    // Plain http is asked wherever it is, as `helm test` does by the Service's name; nobody is there.
    run(&["probe", "--timeout", "200ms", "http://192.0.2.1/livez"])
        .ends(1)
        .says(&["does not answer"]);
    run(&["probe", &format!("http://{admin}/readyz")])
        .ends(1)
        .says(&["answered 503", "contoso"]);
    run(&["probe", &format!("http://{admin}/nothing")])
        .ends(1)
        .says(&["answered 404"]);
    let (code, _, log) = gate.stop().await;
    assert_eq!(code, Some(0), "{log}");
    run(&["probe", &format!("http://{admin}/livez")])
        .ends(1)
        .says(&["does not answer"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_said_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup = setup().put("/listeners/legacy/address", &address);
    run(&["serve", "--config", &setup.written()])
        .ends(1)
        .says(&["legacy cannot listen on", &address, "in use"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_names_that_nobody_knows_take_few_threads_and_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    let mut text = "version: 1\nthreads: 2\nlog: { level: warn, format: json }\n\
        listeners: { apis: { address: 127.0.0.1:0 } }\nroutes:\n"
        .to_owned();
    for number in 0..1000 {
        text += &format!(
            "  - {{ id: r{number}, listener: apis, match: {{ path: /r{number}/** }}, \
             callers: public, upstream: {{ url: http://h{number}.invalid }} }}\n"
        );
    }
    std::fs::write(&file, text).unwrap();
    let gate = Process::start(&["serve", "--config", file.to_str().unwrap()], |_| {});
    let lines = || gate.log().matches("upstream name not resolved").count();
    let mut threads = 0;
    eventually("names fail", async || {
        threads = threads.max(gate.threads());
        lines() >= 10
    })
    .await;
    for _ in 0..50 {
        threads = threads.max(gate.threads());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The main one, two workers, four for what blocks, and one for each of the two logs.
    assert!(threads <= 9, "{threads}");
    assert_eq!(lines(), 10, "{}", gate.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_says_version_file_and_parts_and_when_it_is_ready() {
    let setup = setup();
    let config = setup.written();
    let gate = Process::serve(&config).await;
    gate.says("\"message\":\"ready\"").await;
    let reply = ask(gate.address("legacy"), "/mail/x HTTP/1.1").await;
    assert_eq!(reply.status, 401);
    assert!(reply.text().ends_with("}\n"), "{}", reply.text());
    let reply = ask(gate.address("admin"), "/readyz HTTP/1.1").await;
    assert!(reply.text().ends_with("}\n"), "{}", reply.text());
    let (_, out, log) = gate.stop().await;
    let starting = (out.clone() + &log)
        .lines()
        .find(|line| line.contains("\"message\":\"starting\""))
        .map(str::to_owned);
    let starting: serde_json::Value = serde_json::from_str(&starting.unwrap()).unwrap();
    assert_eq!(starting["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(starting["file"], config);
    for (part, count) in [
        ("listeners", 1),
        ("routes", 1),
        ("issuers", 0),
        ("identities", 1),
    ] {
        assert_eq!(starting[part], count, "{part}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_line_says_which_url_and_when_again() {
    let setup = setup().put(
        "/issuers/gone",
        &format!(
            "entra: {{ tenant: {}, authority: 'http://127.0.0.1:1' }}",
            Contoso::CALC_TENANT
        ),
    );
    let setup = setup.route("gone", "$ECHO", "mail-daemon", GRAPH);
    let gate = Process::serve(&setup.written()).await;
    gate.says("issuer keys could not be fetched").await;
    let (_, out, log) = gate.stop().await;
    let printed = out + &log;
    let line = printed
        .lines()
        .find(|line| line.contains("issuer keys could not be fetched"));
    let line: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    let url = line["url"].as_str().unwrap();
    assert!(
        url.starts_with("http://127.0.0.1:1/") && url.contains(Contoso::CALC_TENANT),
        "{line}"
    );
    assert!(line["again_in"].as_str().unwrap().ends_with('s'), "{line}");
}
