//! Nobody acts for another: each user's token is found by that user's own, for its scope alone.

use std::sync::Arc;

use crate::support::{Told, is};
use bearergate::fake::{Contoso, Response};
use http::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use super::{ANN, BOB, ask, carried, claims, setup, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_users_at_a_time_are_never_mixed_up() {
    // Answers with whom the token that it was sent is for.
    let (_, upstream) = Told::open(|request| {
        let token = request.header("authorization").unwrap_or_default();
        let told = claims(token)["oid"].as_str().unwrap_or_default().to_owned();
        Response::of(StatusCode::OK, "text/plain", told.into_bytes())
    });
    // A hundred exchanges at a time take their time on a busy machine.
    let setup = setup().fill("UPSTREAM", upstream.base());
    let world = Arc::new(setup.put("/fetch", "timeout: 60s").ready().await);
    let mut callers = JoinSet::new();
    for number in 0..300 {
        let world = Arc::clone(&world);
        callers.spawn(async move {
            let name = format!("user{}@contoso.example", number % 50);
            // Each has several tokens, as from several devices.
            let token = user(&world, &name).claim("device", number % 100).mint();
            let route = ["/mine/x", "/others/x"][number % 2];
            let reply = ask(&world, route, &token).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            let oid = claims(&token)["oid"].as_str().unwrap().to_owned();
            assert_eq!(reply.text(), oid);
        });
    }
    callers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_is_exchanged_once_however_many_come_with_it() {
    let world = Arc::new(setup().ready().await);
    let (ann, bob) = (user(&world, ANN).mint(), user(&world, BOB).mint());
    let mut callers = JoinSet::new();
    for number in 0..200 {
        let world = Arc::clone(&world);
        let token = [&ann, &bob][number % 2].clone();
        callers.spawn(async move { ask(&world, "/mine/x", &token).await.status });
    }
    let answers = callers.join_all().await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    // Another scope of the same identity is another token.
    assert_eq!(ask(&world, "/others/x", &ann).await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 3);
    assert_eq!(carried(&world)["scp"], json!("User.Read"));
    // Another route for the same is not.
    assert_eq!(ask(&world, "/users-only/x", &ann).await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 3);
    assert_eq!(carried(&world)["scp"], json!("Mail.Read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_opens_nothing_to_who_is_not_let_in() {
    let world = setup().ready().await;
    let token = user(&world, ANN).mint();
    assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    let forged = format!("{}x", &token[..token.len() - 1]);
    let reply = ask(&world, "/mine/x", &forged).await;
    assert_eq!(reply.status, 401);
    let unscoped = world.token().user(ANN).scope("other").mint();
    let reply = ask(&world, "/mine/x", &unscoped).await;
    assert_eq!(reply.verdict(), is(403, "scope_missing"));
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    assert_eq!(world.contoso.echo.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_tenant_refuses_stops_nobody_of_this_one() {
    let mut setup = setup().put(
        "/issuers",
        "guests: { entra: { tenant: $MAIL_TENANT, authority: $ISSUER }, audiences: [$CALC_API] }",
    );
    setup.add(
        "/routes/0/callers",
        "bearer: { issuer: guests, scp: [access_as_user] }",
    );
    let issuer = setup.contoso.issuer.clone();
    let world = setup.ready().await;
    // The application is not known there: 700016, which is no fault of its credential.
    for number in 0..5 {
        let token = issuer
            .token(Contoso::MAIL_TENANT)
            .audience(Contoso::CALC_API);
        let name = format!("guest{number}@fabrikam.example");
        let token = token.user(&name).scope("access_as_user").mint();
        let reply = ask(&world, "/mine/x", &token).await;
        assert_eq!(reply.verdict(), is(502, "token_refused"));
    }
    let reply = ask(&world, "/mine/x", &user(&world, ANN).mint()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let metrics = world.gateway.get_admin("/metrics").await.text();
    let mut refused = metrics
        .lines()
        .filter(|line| line.starts_with("bearergate_credential_refused"));
    assert!(refused.all(|line| line.ends_with(" 0")), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_no_exchange_takes_stops_nobody_elses() {
    let mut setup = setup();
    setup.add(
        "/routes/0/callers",
        "bearer: { issuer: contoso, audiences: ['api://orders-of-old'], scp: [access_as_user] }",
    );
    let world = setup.ready().await;
    // The route takes them, and they are for another application than the identity.
    for number in 0..5 {
        let token = user(&world, &format!("user{number}@contoso.example")).v1();
        let token = token.audience("api://orders-of-old").mint();
        let reply = ask(&world, "/mine/x", &token).await;
        assert_eq!(reply.verdict(), is(502, "token_refused"));
    }
    let line = &world.gateway.lines(1).await[0];
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("AADSTS500131"), "{detail}");
    let reply = ask(&world, "/mine/x", &user(&world, ANN).mint()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}
