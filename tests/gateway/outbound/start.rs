//! What is known of credentials before the first caller comes: each identity's token is asked for once
//! at start, and what came of it is on `/readyz` and in the metrics.

use serde_json::{Value, json};

use crate::support::{GRAPH, Setup, World, contoso, eventually};

use super::setup;

fn broken() -> Setup {
    setup()
        .identity("broken", "$ISSUER", "not the secret of this application")
        .route("broken", "$ECHO", "broken", GRAPH)
}

/// The status of `/readyz`, and what it says.
async fn readyz(world: &World) -> (u16, Value) {
    let reply = world.gateway.get_admin("/readyz").await;
    (reply.status, serde_json::from_str(&reply.text()).unwrap())
}

/// Waits until each token was asked for, and says what `/readyz` does then.
async fn asked(world: &World, count: u64) -> (u16, Value) {
    world.gateway.ask_for_tokens();
    eventually("each token was asked for", async || {
        let (_, report) = readyz(world).await;
        let tokens = report["tokens"].as_array().unwrap();
        let is_known = |it: &Value| it["state"] == "token_held" || it["failure"].is_string();
        tokens.iter().all(is_known)
    })
    .await;
    assert_eq!(world.contoso.issuer.token_requests(), count);
    readyz(world).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_will_fail_is_known_before_its_first_caller_comes() {
    let world = broken().start().await;
    let (status, report) = asked(&world, 2).await;
    assert_eq!(status, 200, "readiness is not lenient's to take");
    let tokens = report["tokens"].as_array().unwrap();
    for (identity, state, failure) in [
        ("broken", "no_token", json!("token_refused")),
        ("mail", "token_held", Value::Null),
    ] {
        let told = tokens.iter().find(|it| it["identity"] == identity).unwrap();
        assert_eq!(
            (&told["state"], &told["failure"]),
            (&json!(state), &failure)
        );
    }
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "the token from the start is the one that is sent"
    );
    world.gateway.ask_for_tokens();
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "once is enough, for a while also where it failed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_readiness_waits_for_every_token() {
    let world = broken().put("/readiness", "strict").start().await;
    let (status, report) = asked(&world, 2).await;
    assert_eq!((status, &report["state"]), (503, &json!("starting")));
    assert_eq!(
        world.gateway.ask("/mail/x").await.status,
        200,
        "it works all the same"
    );
    let world = setup().put("/readiness", "strict").start().await;
    let (status, report) = readyz(&world).await;
    assert_eq!((status, &report["state"]), (503, &json!("starting")));
    let (status, report) = asked(&world, 1).await;
    assert_eq!((status, &report["state"]), (200, &json!("ready")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_certificate_ends_is_a_metric() {
    let world = Setup::mail(contoso()).start().await;
    let metrics = world.gateway.get_admin("/metrics").await.text();
    let name = "bearergate_certificate_expiry_seconds{identity=\"mail-daemon\"} ";
    let mut lines = metrics.lines();
    let seconds = lines.find_map(|line| line.strip_prefix(name)).unwrap();
    let days = seconds.parse::<u64>().unwrap() / (24 * 60 * 60);
    assert!((25..=32).contains(&days), "{days}");
    let without = setup().start().await;
    let metrics = without.gateway.get_admin("/metrics").await.text();
    assert!(
        !metrics.contains("bearergate_certificate_expiry_seconds{"),
        "a secret has none"
    );
}
