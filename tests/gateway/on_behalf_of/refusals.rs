//! What Entra demands before it exchanges a token, each told to the caller in its own word; and what is the
//! gateway's own trouble, never told as the user's.

use crate::support::{client, eventually, is, whole};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearergate::fake::{Contoso, UserState};
use http::Request;
use serde_json::{Value, json};

use super::{ANN, API, BOB, ask, setup, user};

/// The parameter of a challenge.
fn parameter<'c>(challenge: &'c str, name: &str) -> Option<&'c str> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_demand_has_its_word_and_its_challenge() {
    use UserState::{Blocked, Disabled, Looping, Revoked, SecondFactor};
    #[rustfmt::skip]
    let cases = [
        (SecondFactor, 401, "interaction_required", Some("insufficient_claims"), "AADSTS50076"),
        (Blocked, 403, "conditional_access", Some("insufficient_scope"), "AADSTS53003"),
        (Disabled, 401, "exchange_refused", Some("invalid_token"), "AADSTS50057"),
        (Revoked, 401, "exchange_refused", Some("invalid_token"), "AADSTS50173"),
        (Looping, 503, "token_throttled", None, "AADSTS50196"),
    ];
    let world = setup().ready().await;
    for (index, (state, status, reason, error, code)) in cases.into_iter().enumerate() {
        let name = format!("{state:?}@contoso.example");
        let issuer = &world.contoso.issuer;
        issuer.register(|registry| registry.with_user(&name, state));
        let before = issuer.token_requests();
        let token = user(&world, &name).mint();
        for _ in 0..3 {
            let reply = ask(&world, "/mine/x", &token).await;
            assert_eq!(reply.verdict(), is(status, reason), "{state:?}");
            let challenge = reply.header("www-authenticate");
            let told = challenge.and_then(|challenge| parameter(challenge, "error"));
            assert_eq!(told, error, "{state:?}");
            let shown = format!("{:?}{}", reply.headers, reply.text());
            for hidden in ["AADSTS", API, "graph.microsoft", name.as_str()] {
                assert!(!shown.contains(hidden), "{state:?}: {shown}");
            }
            assert_eq!(reply.header("retry-after").is_some(), status == 503);
        }
        assert_eq!(
            issuer.token_requests(),
            before + 1,
            "remembered for a moment"
        );
        let line = &world.gateway.lines(3 * index + 1).await[3 * index];
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains(code), "{detail}");
        assert_eq!(line["route"], json!("mine"));
        assert!(line["principal"].as_str().unwrap().starts_with("user:"));
    }
    assert_eq!(world.contoso.echo.count(), 0);
    // Meanwhile others are served.
    assert_eq!(
        ask(&world, "/mine/x", &user(&world, BOB).mint())
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_claims_that_are_demanded_reach_the_client_which_comes_again_with_them() {
    let world = setup().ready().await;
    let second_factor = UserState::SecondFactor;
    let issuer = &world.contoso.issuer;
    issuer.register(|registry| registry.with_user(ANN, second_factor));
    let reply = ask(&world, "/mine/x", &user(&world, ANN).mint()).await;
    let challenge = reply.header("www-authenticate").unwrap();
    let claims = STANDARD
        .decode(parameter(challenge, "claims").unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert!(claims["access_token"]["capolids"].is_object(), "{claims}");
    assert!(
        parameter(challenge, "authorization_uri")
            .unwrap()
            .contains(Contoso::CALC_TENANT)
    );
    let stronger = user(&world, ANN).claim("amr", json!(["pwd", "mfa"])).mint();
    assert_eq!(ask(&world, "/mine/x", &stronger).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_by_grpc_are_told_the_same() {
    let world = setup().ready().await;
    let issuer = &world.contoso.issuer;
    issuer.register(|registry| registry.with_user(ANN, UserState::SecondFactor));
    let mut client = client(&world.gateway, "apis").await;
    let token = user(&world, ANN).mint();
    let request = Request::post("http://a.example/mine/x")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"));
    let (answer, _) = client
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    let reply = whole(answer.await.unwrap()).await.unwrap();
    assert_eq!(
        (reply.status, reply.header("grpc-status")),
        (200, Some("16"))
    );
    let message = reply.header("grpc-message").unwrap();
    assert!(message.starts_with("interaction_required: "), "{message}");
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(parameter(challenge, "claims").is_some(), "{challenge}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_consent_it_says_so_until_there_is_some() {
    let mut setup = setup();
    setup.set(
        "/routes/0/token/scope",
        "https://graph.microsoft.com/Calendars.Read",
    );
    setup.add("/identities/api", "tokens: { cool_down: 1ms }");
    let world = setup.ready().await;
    let token = user(&world, ANN).mint();
    let reply = ask(&world, "/mine/x", &token).await;
    assert_eq!(reply.verdict(), is(403, "consent_required"));
    world.contoso.issuer.register(|registry| {
        let graph = bearergate::fake::ApiRegistration::GRAPH;
        registry.with_app_changed(API, |app| app.delegated(graph, "Calendars.Read"))
    });
    eventually("the same token is exchanged", async || {
        ask(&world, "/mine/x", &token).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateways_own_trouble_is_nobody_elses() {
    let world = setup().file("api.secret", "not the secret").ready().await;
    let reply = ask(&world, "/mine/x", &user(&world, ANN).mint()).await;
    assert_eq!(reply.verdict(), is(502, "token_refused"));
    assert_eq!(reply.header("www-authenticate"), None);
    let line = &world.gateway.lines(1).await[0];
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("AADSTS7000215"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_an_outage_and_soon_nobody_asks() {
    let world = setup().ready().await;
    let issuer = &world.contoso.issuer;
    issuer.token_endpoint().fail_next(100, 503, Some("600"));
    for number in 0..20 {
        let token = user(&world, &format!("user{number}@contoso.example")).mint();
        let reply = ask(&world, "/mine/x", &token).await;
        assert_eq!(reply.verdict(), is(503, "token_throttled"));
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((590..=605).contains(&wait), "{wait}");
    }
    assert_eq!(issuer.token_requests(), 3, "three say enough");
    assert_eq!(world.contoso.echo.count(), 0);
}
