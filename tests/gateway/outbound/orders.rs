//! What somebody orders of tokens: fresh ones, or that those in hand be forgotten; and that no web page
//! orders anything.

use serde_json::{Value, json};

use crate::support::{CALC, GRAPH, Process, Reply, Setup, World, eventually};

use super::setup;

const MEANT: &str = "X-Bearergate-Order: yes";

async fn order(world: &World, what: &str, lines: &[&str]) -> Reply {
    ask(
        world,
        "POST",
        &format!("/tokens/{what}"),
        "localhost",
        lines,
    )
    .await
}

async fn ask(world: &World, method: &str, target: &str, host: &str, lines: &[&str]) -> Reply {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
    world.gateway.raw("admin", request).await
}

fn outcomes(reply: &Reply) -> Vec<(String, String)> {
    let tokens = reply.json()["tokens"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let outcomes = tokens
        .iter()
        .map(|it| (text(&it["scope"]), text(&it["outcome"])));
    outcomes.collect()
}

/// A second route and scope of the same identity.
fn two() -> Setup {
    setup().route("calc", "$ECHO", "mail", CALC)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_now_and_the_one_in_hand_serves_until_then() {
    let world = two().start().await;
    let issuer = &world.contoso.issuer;
    for route in ["mail", "calc"] {
        assert_eq!(world.gateway.ask(&format!("/{route}/x")).await.status, 200);
    }
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    let first = world.echoed("authorization");
    issuer.token_endpoint().hang();
    let target = format!("renew?scope={GRAPH}");
    let reply = order(&world, &target, &[MEANT]).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    assert_eq!(reply.json()["order"], "renew");
    assert_eq!(
        outcomes(&reply),
        [(GRAPH.to_owned(), "asked_for".to_owned())]
    );
    eventually("it is asked for", async || issuer.token_requests() == 3).await;
    for _ in 0..20 {
        assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
        assert_eq!(world.echoed("authorization"), first);
    }
    let again = order(&world, &target, &[MEANT]).await;
    assert_eq!(outcomes(&again)[0].1, "under_way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_token_takes_the_place_of_the_one_in_hand_once_in_ten_seconds() {
    let world = setup().start().await;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    let first = world.echoed("authorization");
    assert_eq!(order(&world, "renew", &[MEANT]).await.status, 202);
    eventually("another token is carried", async || {
        assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
        world.echoed("authorization") != first
    })
    .await;
    let hasty = order(&world, "renew?identity=mail", &[MEANT]).await;
    assert_eq!(outcomes(&hasty)[0].1, "not_yet");
    let wait = hasty.json()["tokens"][0]["again_in_seconds"].as_u64();
    assert!((1..=10).contains(&wait.unwrap()), "{wait:?}");
    assert_eq!(world.contoso.issuer.token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_purged_is_sent_no_more() {
    let world = setup().start().await;
    let issuer = &world.contoso.issuer;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    let first = world.echoed("authorization");
    issuer.token_endpoint().fail_next(u32::MAX, 500, None);
    let reply = order(&world, "purge", &[MEANT]).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    for _ in 0..5 {
        let reply = world.gateway.ask("/mail/x").await;
        assert_eq!(reply.reason(), "token_unavailable");
    }
    let ready = world.gateway.get_admin("/readyz").await.json();
    assert_eq!(ready["tokens"][0]["state"], "no_token");
    issuer.token_endpoint().heal();
    eventually("a fresh one", async || {
        world.gateway.ask("/mail/x").await.status == 200
    })
    .await;
    assert_ne!(world.echoed("authorization"), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_web_page_orders_anything_and_nobody_by_mistake() {
    let world = setup().start().await;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    let first = world.echoed("authorization");
    for what in ["/tokens/renew", "/tokens/purge"] {
        for lines in [
            &[][..],
            &["Origin: http://127.0.0.1:9090", MEANT],
            &["Origin: null", MEANT],
            &["Sec-Fetch-Site: same-origin", MEANT],
            &["Sec-Fetch-Site: none", MEANT],
            &["Sec-Fetch-Mode: navigate", MEANT],
            &["X-Forwarded-For: 192.0.2.7", MEANT],
            &["Content-Type: application/x-www-form-urlencoded"],
        ] {
            let reply = ask(&world, "POST", what, "localhost", lines).await;
            assert_eq!(reply.status, 403, "{lines:?}");
            assert!(!reply.text().is_empty());
            assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{lines:?}");
        }
        for method in ["GET", "PUT", "OPTIONS", "DELETE"] {
            let reply = ask(&world, method, what, "localhost", &[MEANT]).await;
            assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
        }
        let elsewhere = ask(&world, "POST", what, "attacker.example", &[MEANT]).await;
        assert_eq!(elsewhere.status, 421);
        for (query, status) in [
            ("identity=nobody", 404),
            ("identity=mail&scope=x", 404),
            ("identity=mail&identity=mail", 400),
            ("identities=mail", 400),
            ("", 400),
        ] {
            let query = if query.is_empty() { "=" } else { query };
            let target = format!("{what}?{query}");
            let reply = ask(&world, "POST", &target, "localhost", &[MEANT]).await;
            assert_eq!(reply.status, status, "{query}");
        }
    }
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(world.echoed("authorization"), first);
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_of_the_status_page_is_the_gate_of_orders() {
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let mut setup = setup().file("ops.key", "ops-fedcba9876543210fedcba9876543210");
        let callers = "[api_key: { id: ops, key: { file: ops.key } }]";
        setup.set(
            "/admin",
            &format!("{{ address: {address}, callers: {callers} }}"),
        );
        let world = setup.start().await;
        let key = "X-Api-Key: ops-fedcba9876543210fedcba9876543210";
        let other = "X-Api-Key: payroll-0123456789abcdef0123456789abcdef";
        for (lines, status) in [
            (&[MEANT][..], 401),
            (&[MEANT, other], 401),
            (&[key], 403),
            (&[MEANT, key, "Origin: http://localhost"], 403),
            (&[MEANT, key], 202),
        ] {
            assert_eq!(
                order(&world, "purge", lines).await.status,
                status,
                "{lines:?}"
            );
        }
    }
    let mut setup = setup();
    setup.set("/admin", "{ address: 0.0.0.0:0 }");
    let world = setup.start().await;
    assert_eq!(order(&world, "renew", &[MEANT]).await.status, 403);
    assert_eq!(world.contoso.issuer.token_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_order_the_same() {
    let setup = setup();
    let issuer = &setup.contoso.issuer;
    let process = Process::serve(&setup.written()).await;
    eventually("the first token", async || issuer.token_requests() == 1).await;
    process.says("token acquired").await;
    process.signal("USR2");
    eventually("renewed", async || issuer.token_requests() == 2).await;
    // `kill -s RTMIN`, by the number that every kill knows.
    process.signal("34");
    process.says("SIGRTMIN").await;
    let (code, _, log) = process.stop().await;
    assert_eq!(code, Some(0));
    let ordered: Vec<_> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == "tokens are renewed or forgotten as ordered")
        .map(|line| {
            (
                line["signal"].clone(),
                line["order"].clone(),
                line["tokens"].clone(),
            )
        })
        .collect();
    let told = |signal: &str, order: &str| (json!(signal), json!(order), json!(1));
    assert_eq!(
        ordered,
        [told("SIGUSR2", "renew"), told("SIGRTMIN", "purge")]
    );
}
