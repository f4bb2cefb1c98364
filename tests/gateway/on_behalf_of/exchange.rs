//! What is exchanged for what: the request that Entra is sent, and the token that goes on.

use crate::support::{Setup, eventually, is};
use bearergate::fake::{Contoso, KeyPair};
use serde_json::json;

use super::{ANN, API, GRAPH, app, ask, carried, claims, setup, user};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_is_sent_a_token_of_the_same_user_and_never_the_callers() {
    let world = setup().ready().await;
    let token = user(&world, ANN).mint();
    let reply = ask(&world, "/mine/x", &token).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let (theirs, ours) = (claims(&token), carried(&world));
    assert_eq!(ours["aud"], json!(GRAPH));
    assert_eq!(ours["oid"], theirs["oid"]);
    assert_eq!(ours["scp"], json!("Mail.Read"));
    assert_eq!(ours["appid"], json!(API));
    assert_eq!(ours["tid"], theirs["tid"]);
    let sent = world.echoed("authorization");
    assert!(!sent.contains(&token) && !reply.text().contains(&token));

    let asked = world.contoso.issuer.last_token_request().unwrap();
    let field = |name: &str| asked.field(name);
    assert_eq!(asked.tenant, Contoso::CALC_TENANT);
    assert_eq!(
        field("grant_type"),
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer")
    );
    assert_eq!(field("requested_token_use"), Some("on_behalf_of"));
    assert_eq!(field("assertion"), Some(token.as_str()));
    assert_eq!(field("client_id"), Some(API));
    // No refresh token: it would outlive the caller's token.
    assert_eq!(
        field("scope"),
        Some("https://graph.microsoft.com/Mail.Read")
    );
    assert_eq!(field("claims"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_v1_token_is_exchanged_too() {
    let world = setup().ready().await;
    let token = user(&world, ANN)
        .v1()
        .audience(&format!("api://{API}"))
        .mint();
    assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    assert_eq!(carried(&world)["oid"], claims(&token)["oid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_route_serves_both_kinds_of_caller() {
    let world = setup().ready().await;
    assert_eq!(
        ask(&world, "/both/x", &app(&world).mint()).await.status,
        200
    );
    let ours = carried(&world);
    assert_eq!(
        (&ours["scp"], &ours["roles"]),
        (&json!(null), &json!(["Mail.Send"]))
    );
    assert_eq!(ours["appid"], json!(API));
    let asked = world.contoso.issuer.last_token_request().unwrap();
    assert_eq!(asked.field("grant_type"), Some("client_credentials"));
    assert_eq!(
        asked.field("scope"),
        Some("https://graph.microsoft.com/.default")
    );
    assert_eq!(asked.field("assertion"), None);

    assert_eq!(
        ask(&world, "/both/x", &user(&world, ANN).mint())
            .await
            .status,
        200
    );
    let ours = carried(&world);
    assert_eq!(
        (&ours["scp"], &ours["roles"]),
        (&json!("Mail.Read"), &json!(null))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_refused_where_only_users_are_acted_for() {
    let world = setup().ready().await;
    let reply = ask(&world, "/users-only/x", &app(&world).mint()).await;
    assert_eq!(reply.verdict(), is(403, "user_required"));
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(
        challenge.contains(r#"error="insufficient_scope""#),
        "{challenge}"
    );
    assert_eq!(
        world.contoso.issuer.token_requests(),
        0,
        "Entra is not asked"
    );
    assert_eq!(world.contoso.echo.count(), 0);
    let user = user(&world, ANN).mint();
    assert_eq!(ask(&world, "/users-only/x", &user).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_proves_the_application_as_well() {
    let pair = KeyPair::generate("api").unwrap();
    let mut setup = setup()
        .file("api.pem", pair.certificate_pem().unwrap())
        .file("api.key", pair.key_pem().unwrap());
    setup.set(
        "/identities/api/credentials",
        "[certificate: { file: api.pem, key: api.key }]",
    );
    let der = pair.certificate().to_der().unwrap();
    setup
        .contoso
        .issuer
        .register(|registry| registry.with_app_changed(API, |app| app.certificate(&der).unwrap()));
    let world = setup.ready().await;
    let reply = ask(&world, "/mine/x", &user(&world, ANN).mint()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = world.contoso.issuer.last_token_request().unwrap();
    assert!(asked.field("client_assertion").is_some() && asked.field("client_secret").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_posted_to_the_tenant_that_the_user_is_of() {
    let mut setup = setup().put(
        "/issuers",
        "guests: { entra: { tenant: $MAIL_TENANT, authority: $ISSUER }, audiences: [$CALC_API] }",
    );
    setup.add(
        "/routes/0/callers",
        "bearer: { issuer: guests, scp: [access_as_user] }",
    );
    let issuer = setup.contoso.issuer.clone();
    issuer.register(|registry| {
        registry.with_app_changed(API, |app| app.in_tenant(Contoso::MAIL_TENANT))
    });
    let world = setup.ready().await;
    let token = issuer.token(Contoso::MAIL_TENANT).audience(API);
    let token = token.user("guest@fabrikam.example").scope("access_as_user");
    let reply = ask(&world, "/mine/x", &token.mint()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        issuer.last_token_request().unwrap().tenant,
        Contoso::MAIL_TENANT
    );
    assert_eq!(carried(&world)["tid"], json!(Contoso::MAIL_TENANT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_tell_how_it_fares() {
    let world: crate::support::World = setup().ready().await;
    let token = user(&world, ANN).mint();
    for _ in 0..3 {
        assert_eq!(ask(&world, "/mine/x", &token).await.status, 200);
    }
    let labels = r#"{identity="api",scope="https://graph.microsoft.com/Mail.Read"}"#;
    let kept = format!("bearergate_user_tokens{labels}");
    assert_eq!(world.gateway.metric(&kept).await, Some(1.0));
    let counted = |outcome: &str| {
        format!(
            r#"bearergate_user_token_requests_total{{identity="api",outcome="{outcome}",scope="https://graph.microsoft.com/Mail.Read"}}"#
        )
    };
    for (outcome, count) in [
        ("found", 2.0),
        ("exchanged", 1.0),
        ("refused", 0.0),
        ("failed", 0.0),
    ] {
        assert_eq!(
            world.gateway.metric(&counted(outcome)).await,
            Some(count),
            "{outcome}"
        );
    }
    eventually("it is told", async || {
        world
            .gateway
            .metric("bearergate_user_tokens_forgotten_total")
            .await
            .is_some()
            || world
                .gateway
                .get_admin("/metrics")
                .await
                .text()
                .contains("bearergate_user_tokens_forgotten_total")
    })
    .await;
    let _: &Setup = &world;
}
