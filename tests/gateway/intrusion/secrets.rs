//! What is written: nothing that the program prints, logs or shows of itself holds a secret.

use std::process::Command;

use crate::support::{API_KEY, Connection, NIGHT_KEY, Process, Setup, eventually, run, scan};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearergate::config::Config;
use bearergate::fake::{KeyPair, TokenBuilder};

use super::{API, CLIENT_SECRET, OTHER_API, TENANT, bearer, fabrikam, setup};

/// Every credential there is, good and bad, put to the real program at its most talkative.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_the_program_writes_holds_a_secret() {
    let fabrikam = fabrikam();
    let mut setup = setup(&fabrikam).put("/log/level", "trace");
    let trace = |command: &mut Command| {
        command.env("RUST_LOG", "trace");
    };
    let program = Process::serve_as(&setup.written(), trace).await;
    let addresses = ["apis", "legacy"].map(|name| (name, program.address(name)));
    let send = async |listener: &str, target: &str, line: &str| {
        let known = addresses.iter().find(|(name, _)| *name == listener);
        let mut connection = Connection::open(known.unwrap().1).await;
        connection
            .send(format!(
                "GET {target} HTTP/1.1\r\nHost: a\r\n{line}\r\nConnection: close\r\n\r\n"
            ))
            .await;
        connection.reply().await.map(|reply| reply.status)
    };
    let token = |change: &dyn Fn(TokenBuilder) -> TokenBuilder| {
        change(
            setup
                .contoso
                .issuer
                .token(TENANT)
                .audience(API)
                .role("First"),
        )
        .mint()
    };
    let good = token(&|token| token);
    let presented = [
        good.clone(),
        token(&|token| token.claim("exp", 1)),
        token(&|token| token.kid("nobody")),
        token(&|token| token.claim("iss", "https://issuer.example/")),
        token(&|token| token.audience(OTHER_API)),
        token(&|token| token.signed_by(&fabrikam.issuer.signing_key())),
        token(&|token| token.unsigned()),
        format!("{good}.{good}"),
        "A".repeat(17 * 1024),
    ];
    let mut secrets: Vec<String> = [API_KEY, NIGHT_KEY, CLIENT_SECRET]
        .map(str::to_owned)
        .into();
    eventually("its keys are there", async || {
        send("apis", "/first", &bearer(&good)).await == Some(200)
    })
    .await;
    for token in &presented {
        for target in [
            "/first",
            "/both",
            "/told",
            "/key-or-near",
            "/nowhere",
            "/first/../x",
        ] {
            send("apis", target, &bearer(token)).await;
        }
        send(
            "apis",
            &format!("/first?access_token={}", &token[..64.min(token.len())]),
            "Accept: */*",
        )
        .await;
        send(
            "apis",
            "/first",
            &format!("Authorization: Bearer {token} {token}"),
        )
        .await;
        send("apis", "/first", &format!("Authorization : Bearer {token}")).await;
        send("apis", "/first", &format!("Authorization: {token}")).await;
        secrets.extend(
            token
                .split('.')
                .filter(|part| part.len() > 40)
                .map(str::to_owned),
        );
    }
    for key in [
        API_KEY,
        NIGHT_KEY,
        "a-wrong-key-that-is-long-enough-to-be-one",
    ] {
        let basic = STANDARD.encode(format!("payroll:{key}"));
        send("legacy", "/any/x", &format!("X-Api-Key: {key}")).await;
        send("legacy", "/any/x", &format!("Authorization: Basic {basic}")).await;
        send("legacy", "/any/x?status=401", &format!("X-Api-Key: {key}")).await;
        send("legacy", "/any/\u{1}", &format!("X-Api-Key: {key}")).await;
        secrets.extend([key.to_owned(), basic]);
    }
    let ours = setup.echoed("authorization");
    let ours = ours.trim_start_matches("Bearer ");
    assert!(ours.starts_with("ey"), "our token went upstream");
    secrets.extend(ours.split('.').map(str::to_owned));
    setup
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(1000, 400, None);
    setup.stop_issuer().await;
    send("apis", "/first", &bearer(&presented[2])).await;

    let shown = shown(&program).await;
    assert!(shown.contains("token_expired") && shown.contains("bad_key"));

    let (code, out, log) = program.stop().await;
    assert_eq!(code, Some(0), "{log}");
    for text in [&out, &log, &shown] {
        assert!(!text.contains("panicked"), "{text}");
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} was written");
        }
    }
    let lines = out + &log;
    assert!(
        lines.contains("\"reason\":\"token_expired\""),
        "the access lines are among what was read"
    );
}

/// Everything that the admin pages say, and what `why` makes of it.
async fn shown(program: &Process) -> String {
    let address = program.address("admin");
    let mut shown = String::new();
    for page in ["/status", "/status.json", "/readyz", "/metrics"] {
        let mut connection = Connection::open(address).await;
        let head = format!("GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        connection.send(head).await;
        let reply = connection.reply().await.unwrap();
        if page == "/status.json" {
            let requests = reply.json()["refusals"]["requests"].take();
            let id = requests[0]["request_id"].as_str().unwrap();
            let ran = run(&["why", id, "--address", &format!("http://{address}")]);
            shown.push_str(&ran.ends(0).out);
        }
        shown.push_str(&reply.text());
    }
    shown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_debug_output_of_a_configuration_holds_a_secret() {
    let pair = KeyPair::generate("mail").unwrap();
    let setup = Setup::of("secrets.yaml")
        .file("client.secret", CLIENT_SECRET)
        .file("mail.pfx", pair.pkcs12("a passphrase").unwrap())
        .file("mail.pass", "a passphrase");
    let config = Config::parse(&setup.text(), "x.yaml", setup.folder());
    let text = match config {
        Ok(config) => format!("{config:?} {config:#?}"),
        Err(problems) => panic!("{problems}"),
    };
    for secret in [CLIENT_SECRET, API_KEY, "a passphrase", "PRIVATE"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn what_every_test_looks_for_is_found() {
    let token = crate::support::contoso().issuer.token(TENANT).mint();
    scan::is_secret("a client's secret");
    let (head, rest) = token.split_once('.').unwrap();
    let (payload, _) = rest.split_once('.').unwrap();
    for secret in [
        API_KEY,
        "a client's secret",
        &token,
        head,
        payload,
        "-----BEGIN PRIVATE KEY-----",
    ] {
        assert!(
            scan::held(&format!("what: {secret}, and on")).is_some(),
            "{secret}"
        );
    }
    assert_eq!(scan::held("eyJust a word, PRIVATE KEY"), None);
}
