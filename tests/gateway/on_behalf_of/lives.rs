//! How long what was exchanged is used: never longer than the token that it was had for.

use std::time::Duration;

use crate::support::{eventually, is};
use bearergate::clock::UnixTime;

use super::{ANN, ask, setup, user};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_exchanged_for_a_token_that_has_ended() {
    let world = setup().ready().await;
    // Within the leeway it is let in.
    let now = UnixTime::now();
    let ended = user(&world, ANN)
        .issued_at(now.minus(seconds(3600)))
        .expires_at(now.minus(seconds(5)))
        .mint();
    let reply = ask(&world, "/mine/x", &ended).await;
    assert_eq!(reply.verdict(), is(401, "token_expired"));
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="invalid_token""#),
        "{challenge}"
    );
    assert_eq!(world.contoso.issuer.token_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_exchanged_ends_with_the_callers_token() {
    let world = setup().ready().await;
    let token = user(&world, ANN)
        .expires_at(UnixTime::now().plus(seconds(3)))
        .mint();
    assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    eventually("it ends", async || {
        ask(&world, "/mine/x", &token).await.status != 200
    })
    .await;
    let reply = ask(&world, "/mine/x", &token).await;
    assert_eq!(reply.status, 401, "{}", reply.text());
    assert!(
        ["token_expired", "exchange_refused"].contains(&reply.reason().as_str()),
        "{}",
        reply.reason()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_changes_elsewhere_keeps_it() {
    let mut world = setup().ready().await;
    let token = user(&world, ANN).mint();
    assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    world.set("/routes/1/upstream/strip_prefix", "/others");
    world.add("/routes/1", "timeouts: { request: 30s }");
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    // Another identity's is not taken over, nor is what it has for applications.
    world.add("/identities/api", "tokens: { cool_down: 1s }");
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 3);
    let asked = world.contoso.issuer.last_token_request().unwrap();
    assert_eq!(asked.field("assertion"), Some(token.as_str()));
}
