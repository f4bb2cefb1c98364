//! Commands that print what proves us, run by the real gateway against an issuer that verifies it.

use crate::support::{GRAPH, Setup, is};
use bearergate::fake::KeyPair;
use serde_json::json;

use super::{in_an_hour, proof, signed, trust};
use crate::outbound::setup;

fn with(exec: &str) -> Setup {
    setup()
        .identity_with("made", "$ISSUER", &format!("exec: {{ {exec} }}"))
        .route("made", "$ECHO", "made", GRAPH)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_that_a_command_prints_buys_a_token() {
    let broker = KeyPair::generate("broker").unwrap();
    let names = (
        "https://broker.example",
        "gateway",
        "api://AzureADTokenExchange",
    );
    let claims = json!({ "iss": names.0, "sub": names.1, "aud": names.2, "exp": in_an_hour() });
    let setup = with("command: [/bin/cat, $FOLDER/printed]");
    let folder = setup.folder().display().to_string();
    let setup = setup
        .fill("FOLDER", folder)
        .file("printed", signed(&claims, &broker));
    trust(&setup, names, &broker);
    let world = setup.start().await;
    assert_eq!(world.gateway.ask("/made/x").await.status, 200);
    assert_eq!(proof(&world), "client_assertion");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_a_command_prints_buys_a_token() {
    let setup = with("command: [/bin/cat, $FOLDER/mail.secret], prints: secret");
    let folder = setup.folder().display().to_string();
    let world = setup.fill("FOLDER", folder).start().await;
    assert_eq!(world.gateway.ask("/made/x").await.status, 200);
    assert_eq!(proof(&world), "client_secret");
    let told = world.gateway.log() + &world.gateway.get_admin("/status.json").await.text();
    assert!(!told.contains(world.contoso.mail_secret.expose()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_fails_is_told_of_and_the_next_credential_is_used() {
    let failing = "exec: { command: [/bin/sh, -c, 'echo no key in the slot >&2; exit 4'] }";
    let world = setup()
        .identity_with("alone", "$ISSUER", failing)
        .identity_with(
            "saved",
            "$ISSUER",
            &format!("{failing}, secret: {{ file: mail.secret }}"),
        )
        .route("alone", "$ECHO", "alone", GRAPH)
        .route("saved", "$ECHO", "saved", GRAPH)
        .start()
        .await;
    let reply = world.gateway.ask("/alone/x").await;
    assert_eq!(reply.verdict(), is(503, "credential_unavailable"));
    assert!(reply.header("retry-after").is_some());
    assert!(!reply.text().contains("slot"), "{}", reply.text());
    let detail = world.gateway.lines(1).await[0]["detail"].to_string();
    let said = "/bin/sh ended with exit code 4; it says: no key in the slot";
    assert!(detail.contains(said), "{detail}");
    assert_eq!(world.contoso.issuer.token_requests(), 0);
    assert_eq!(world.gateway.ask("/saved/x").await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}
