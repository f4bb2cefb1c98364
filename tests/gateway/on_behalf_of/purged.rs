//! Users' tokens that are forgotten because somebody says so: by whom they were had, for which scope, and that
//! nothing from before is carried again.

use std::sync::Arc;

use crate::support::{Reply, World, eventually};
use serde_json::Value;

use super::{ANN, BOB, ask, setup, user};

const MAIL: &str = "https://graph.microsoft.com/Mail.Read";

async fn order(world: &World, what: &str) -> Reply {
    let request = format!(
        "POST /tokens/{what} HTTP/1.1\r\nHost: localhost\r\nX-Bearergate-Order: yes\r\n\r\n"
    );
    world.gateway.raw("admin", request).await
}

/// What became of each, by scope.
fn outcomes(reply: &Reply) -> Vec<(String, String)> {
    let tokens = reply.json()["tokens"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let outcomes = tokens.iter();
    let mut outcomes: Vec<_> = outcomes
        .map(|it| (text(&it["scope"]), text(&it["outcome"])))
        .collect();
    outcomes.sort();
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_purged_is_carried_no_more_and_the_next_request_has_another_exchanged() {
    let world = setup().ready().await;
    let issuer = &world.contoso.issuer;
    let (ann, bob) = (user(&world, ANN).mint(), user(&world, BOB).mint());
    let mut before = Vec::new();
    for token in [&ann, &bob] {
        assert_eq!(ask(&world, "/mine/x", token).await.status, 200);
        before.push(world.echoed("authorization"));
    }
    assert_eq!(ask(&world, "/others/x", &ann).await.status, 200);
    assert_eq!(issuer.token_requests(), 3);

    let reply = order(&world, &format!("purge?identity=api&scope={MAIL}")).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    assert_eq!(
        outcomes(&reply),
        [(MAIL.to_owned(), "forgotten".to_owned())]
    );
    assert_eq!(issuer.token_requests(), 3, "nobody is asked for them");
    for token in [&ann, &bob] {
        assert_eq!(ask(&world, "/mine/x", token).await.status, 200);
        assert!(!before.contains(&world.echoed("authorization")));
    }
    assert_eq!(issuer.token_requests(), 5);
    assert_eq!(ask(&world, "/others/x", &ann).await.status, 200);
    assert_eq!(issuer.token_requests(), 5, "another scope's are left");

    // All of them, and what the identity has for applications.
    let all = outcomes(&order(&world, "purge").await);
    let outcomes: Vec<_> = all.iter().map(|(_, outcome)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["asked_for", "forgotten", "forgotten"], "{all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_is_remembered_is_forgotten_too() {
    let world = setup().ready().await;
    let issuer = &world.contoso.issuer;
    let blocked = bearergate::fake::UserState::Blocked;
    issuer.register(|registry| registry.with_user(ANN, blocked));
    let ann = user(&world, ANN).mint();
    assert_eq!(ask(&world, "/mine/x", &ann).await.status, 403);
    issuer.register(|registry| registry.with_user(ANN, bearergate::fake::UserState::Well));
    assert_eq!(order(&world, "purge").await.status, 202);
    assert_eq!(ask(&world, "/mine/x", &ann).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_on_its_way_is_carried_by_nobody_who_comes_later() {
    let world = Arc::new(setup().ready().await);
    let issuer = &world.contoso.issuer;
    let ann = user(&world, ANN).mint();
    issuer.token_endpoint().hang();
    let waiting = tokio::spawn({
        let (world, ann) = (Arc::clone(&world), ann.clone());
        async move { ask(&world, "/mine/x", &ann).await.status }
    });
    eventually("it is exchanged", async || issuer.token_requests() == 1).await;
    assert_eq!(order(&world, "purge").await.status, 202);
    issuer.token_endpoint().heal();
    // Who comes now does not wait for what will never come.
    assert_eq!(ask(&world, "/mine/x", &ann).await.status, 200);
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_is_renewed_ahead_for_it_takes_the_users_own_and_that_is_said() {
    let world = setup().ready().await;
    let ann = user(&world, ANN).mint();
    assert_eq!(ask(&world, "/mine/x", &ann).await.status, 200);
    let reply = order(&world, &format!("renew?scope={MAIL}")).await;
    assert_eq!(reply.status, 404);
    let text = reply.text();
    assert!(text.contains("only be purged"), "{text}");
    assert_eq!(ask(&world, "/mine/x", &ann).await.status, 200);
    let reply = order(&world, "renew?scope=api://nothing").await;
    assert!(!reply.text().contains("purged"), "{}", reply.text());
}
