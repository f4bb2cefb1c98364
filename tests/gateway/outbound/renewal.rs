//! The token in hand: renewed before it ends, kept while Entra fails, replaced where an upstream refuses
//! it, and only ever sent for its own scope and identity.

use std::sync::{Arc, Mutex};

use crate::support::{CALC, GRAPH, Told, eventually, is};
use bearergate::fake::{Contoso, Response};
use http::StatusCode;
use serde_json::json;

use super::{claims, setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_when_entra_likes_without_any_request_paying_for_it() {
    let setup = setup();
    setup.contoso.issuer.misbehave(|it| it.refresh_in = Some(2));
    let world = setup.start().await;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    let first = world.echoed("authorization");
    eventually("a renewal that nobody asked for", async || {
        world.contoso.issuer.token_requests() == 2
    })
    .await;
    // The endpoint is silent from now on: whoever had to ask it would hang.
    world.contoso.issuer.token_endpoint().hang();
    eventually("the renewed token is carried", async || {
        assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
        world.echoed("authorization") != first
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_token_serves_on_while_the_endpoint_fails() {
    let setup = setup();
    setup.contoso.issuer.misbehave(|it| it.refresh_in = Some(1));
    let world = setup.start().await;
    let issuer = &world.contoso.issuer;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    let first = world.echoed("authorization");
    issuer.token_endpoint().fail_next(u32::MAX, 500, None);
    eventually("a renewal that fails", async || {
        issuer.token_requests() == 2
    })
    .await;
    for _ in 0..20 {
        assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
        assert_eq!(world.echoed("authorization"), first);
    }
    assert!(issuer.token_requests() <= 3, "an outage is not hammered");
    let metrics = world.gateway.get_admin("/metrics").await.text();
    for told in [
        "bearergate_token_fetches_total{identity=\"mail\",outcome=\"failure\"}",
        "bearergate_token_expiry_seconds{identity=\"mail\",scope=",
        "bearergate_access_log_dropped_total 0",
        "bearergate_panics_total 0",
    ] {
        assert!(metrics.contains(told), "{told} in\n{metrics}");
    }
    for id in [Contoso::MAIL_TENANT, Contoso::MAIL_CLIENT] {
        assert!(
            !metrics.contains(id),
            "no tenant and no application in labels"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_broken_identity_is_nobody_elses_trouble() {
    let world = setup()
        .identity("broken", "$ISSUER", "not the secret of this application")
        .route("broken", "$ECHO", "broken", GRAPH)
        .start()
        .await;
    for _ in 0..5 {
        let reply = world.gateway.ask("/broken/x").await;
        assert_eq!(reply.verdict(), is(502, "token_refused"));
        assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    }
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "one for each identity"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_only_ever_sent_for_its_own_scope_and_identity() {
    let there = setup();
    let world = setup()
        .identity("other", there.issuer(), there.contoso.mail_secret.expose())
        .route("calc", "$ECHO", "mail", CALC)
        .route("again", "$ECHO", "mail", GRAPH)
        .route("other", "$ECHO", "other", GRAPH)
        .start()
        .await;
    let mut carried = Vec::new();
    for route in [
        "mail", "calc", "again", "other", "mail", "calc", "again", "other",
    ] {
        let reply = world.gateway.ask(&format!("/{route}/x")).await;
        assert_eq!(reply.status, 200, "{route}: {}", reply.text());
        carried.push(world.echoed("authorization"));
    }
    let audience = |at: usize| claims(&carried[at])["aud"].clone();
    assert_eq!(audience(0), json!("https://graph.microsoft.com"));
    assert_eq!(audience(1), json!(Contoso::CALC_API));
    assert_eq!(
        carried[0], carried[2],
        "two routes share one token of one identity and scope"
    );
    assert_ne!(
        carried[0], carried[3],
        "another identity has a token of its own"
    );
    assert_eq!(carried[..4], carried[4..]);
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    assert_eq!(there.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_upstream_refuses_is_replaced_and_a_stubborn_upstream_makes_no_storm() {
    // An API that trusts no token issued before it changed its mind.
    let refused = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&refused);
    let (_, upstream) = Told::open(move |request| {
        let token = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        let stubborn = request.path() == "/stubborn";
        let status = match stubborn || *known.lock().unwrap() == token {
            true => StatusCode::UNAUTHORIZED,
            false => StatusCode::OK,
        };
        Response::of(status, "text/plain", token.into_bytes())
    });
    let world = setup().fill("UPSTREAM", upstream.base()).start().await;
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.status, 200);
    let first = reply.text();
    refused.lock().unwrap().clone_from(&first);
    eventually("a fresh token", async || {
        let reply = world.gateway.ask("/mail/x").await;
        assert!(matches!(reply.status, 200 | 502), "{}", reply.status);
        if reply.status == 502 {
            assert_eq!(reply.reason(), "upstream_refused_token");
        }
        reply.status == 200 && reply.text() != first
    })
    .await;
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    for _ in 0..50 {
        assert_eq!(world.gateway.ask("/mail/stubborn").await.status, 502);
    }
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "once in a while is enough"
    );
    assert_eq!(
        world.gateway.ask("/mail/x").await.status,
        200,
        "the token in hand stays"
    );
}
