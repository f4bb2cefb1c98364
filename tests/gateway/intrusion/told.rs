//! What the log says of a refusal: what was proven and what the route wants, and never what nobody
//! proved, nor a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bearergate::fake::SigningKey;
use serde_json::json;

use crate::support::API_KEY;

use super::{API, OTHER_CLIENT, USER, bearer, world};

fn basic(user: &str, key: &str) -> String {
    format!(
        "Authorization: Basic {}",
        STANDARD.encode(format!("{user}:{key}"))
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_what_was_proven_and_what_the_route_wants() {
    let world = world().await;
    let token = || world.token().role("Other");
    let with = |token: bearergate::fake::TokenBuilder| bearer(&token.mint());
    let kid = world.contoso.issuer.signing_key().kid().to_owned();
    let forged = token()
        .signed_by(&SigningKey::generate().unwrap())
        .kid(&kid);
    let bare = world.token().role("First").mint();
    #[rustfmt::skip]
    let rows: Vec<(&str, String, &str, String)> = vec![
        ("/first", with(token().audience("api://other")), "wrong_audience", format!("aud is api://other; the route takes {API}")),
        ("/first", with(token()), "role_missing", "roles are [Other]; needs one of [First]".into()),
        ("/third", with(token().role("First")), "role_missing", "roles are [Other, First]; needs all of [First, Third]".into()),
        ("/first", with(token().user(USER)), "principal_not_allowed", "it is a user's token; needs an application's own token".into()),
        ("/oid", with(token()), "object_not_allowed", "needs 0b0b0b0b-1111-4222-8333-999999999999".into()),
        ("/token-from-afar", with(world.token().role("First")), "network_not_allowed", "the client is 127.0.0.1; needs to be in [10.0.0.0/8]".into()),
        ("/nearest", with(world.token().client(OTHER_CLIENT).role("Neither")), "role_missing", "roles are [Neither]; needs one of [First]".into()),
        ("/first", with(token().claim("exp", 1_790_000_000)), "token_expired", "exp is 2026-09-21T14:13:20Z".into()),
        ("/first", with(forged.claim("roles", json!(["never-proven"]))), "bad_signature", "the token's signature is not valid".into()),
        ("/first", format!("Authorization: {bare}"), "malformed_token", "the scheme Bearer is missing".into()),
        ("/teams/payroll", format!("Authorization: {bare}"), "no_credential", "nothing was presented; the route takes an API key".into()),
        ("/teams/other", basic("CONTOSO\\payroll", API_KEY), "parameter_not_allowed", "needs {team} in [payroll]".into()),
        ("/teams/payroll", basic("CONTOSO\\payrol", API_KEY), "bad_key", "the user given is \"payrol\"".into()),
        ("/teams/payroll", basic(API_KEY, "x"), "bad_key", "the API key is not accepted".into()),
    ];
    for (number, (target, header, reason, detail)) in rows.iter().enumerate() {
        let reply = world
            .gateway
            .get("apis", target, std::slice::from_ref(header))
            .await;
        assert_eq!(reply.reason(), *reason, "{target} {detail}");
        assert!(
            !reply.text().contains("First"),
            "the caller is not told what would do"
        );
        let line = &world.gateway.lines(number + 1).await[number];
        let told = line["detail"].as_str().unwrap();
        assert!(told.contains(detail.as_str()), "{told}, not {detail}");
    }
    for never in ["never-proven", API_KEY, &bare] {
        assert!(!world.gateway.log().contains(never), "{never}");
    }
    assert_eq!(world.contoso.echo.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_comes_in_whatever_domain_stands_before_its_user() {
    let world = world().await;
    for user in ["payroll", "CONTOSO\\payroll"] {
        let headers = [basic(user, API_KEY)];
        let reply = world.gateway.get("apis", "/teams/payroll", &headers).await;
        assert_eq!(reply.status, 200, "{user}");
    }
}
