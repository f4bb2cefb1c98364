//! A claims challenge of the upstream (continuous access evaluation): read in each form that there is,
//! answered by a token with those claims, once.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::support::is;

use super::refused::{Api, detail, world};
use super::setup;

/// `?` and `>` differ between the alphabets, and the length is no multiple of three.
const CLAIMS: &str =
    r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"},"x":{"value":"a???>>>"}}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claims_challenge_is_answered_by_a_token_with_those_claims() {
    for encoded in [
        STANDARD.encode(CLAIMS),
        STANDARD_NO_PAD.encode(CLAIMS),
        URL_SAFE.encode(CLAIMS),
        URL_SAFE_NO_PAD.encode(CLAIMS),
    ] {
        let (api, world, _door) = world().await;
        let asked = world.contoso.issuer.last_token_request().unwrap();
        assert_eq!(asked.field("claims"), None);
        api.revoke();
        api.challenge(&format!(
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
             client_id=\"00000003-0000-0000-c000-000000000000\", error=\"insufficient_claims\", claims=\"{encoded}\""
        ));
        let reply = world.gateway.ask("/mail/x").await;
        assert_eq!(reply.status, 200, "{encoded}");
        let asked = world.contoso.issuer.last_token_request().unwrap();
        assert_eq!(asked.field("claims"), Some(CLAIMS), "{encoded}");
        assert_eq!(world.contoso.issuer.token_requests(), 2);
        assert_eq!(api.seen().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_a_401_as_any_other_and_nothing_of_it_goes_anywhere() {
    let deep = format!(
        "{{\"access_token\":{}1{}}}",
        "{\"a\":".repeat(300),
        "}".repeat(300)
    );
    for claims in [
        "%%%".to_owned(),
        STANDARD.encode("MARK"),
        STANDARD.encode(r#"{"access_token":"MARK"}"#),
        STANDARD.encode(r#"{"id_token":{"MARK":null}}"#),
        STANDARD.encode(deep),
        "A".repeat(10_000),
    ] {
        let (api, world, _door) = world().await;
        api.challenge(&format!(
            "Bearer error=\"insufficient_claims\", claims=\"{claims}\""
        ));
        let reply = world.gateway.ask("/mail/stubborn").await;
        assert_eq!(
            reply.verdict(),
            is(502, "upstream_refused_token"),
            "{claims:.40}"
        );
        let asked = world.contoso.issuer.last_token_request().unwrap();
        assert_eq!(asked.field("claims"), None, "{claims:.40}");
        assert_eq!(world.contoso.issuer.token_requests(), 2);
        let told = detail(&world, 2).await;
        let end = "error insufficient_claims, request-id 3f-11, claims that cannot be read; so it did to the token before";
        assert!(told.ends_with(end), "{told}");
        let answer = format!("{:?}{}", reply.headers, reply.text());
        assert!(
            !answer.contains(&claims) && !answer.contains("MARK"),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_challenges_each_token_is_told_from_one_that_was_answered() {
    let (api, world, _door) = world().await;
    let claims = STANDARD.encode(CLAIMS);
    api.challenge(&format!(
        "Bearer error=\"insufficient_claims\", claims=\"{claims}\""
    ));
    for round in 0..10 {
        let reply = world.gateway.ask("/mail/stubborn").await;
        assert_eq!(
            reply.verdict(),
            is(502, "upstream_refused_token"),
            "{round}"
        );
        assert_eq!(
            reply.header("www-authenticate"),
            None,
            "it is ours, not the caller's"
        );
    }
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "one answer a minute"
    );
    assert_eq!(api.seen().len(), 11);
    let told = detail(&world, 2).await;
    assert!(
        told.contains(", claims nbf x; so it did to the token before"),
        "{told}"
    );
    assert!(!told.contains("1790000123"), "names alone: {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_gateway_can_do_is_told_with_each_request_beside_what_is_asked_for() {
    const ALONE: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
    const BESIDE: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"},"x":{"value":"a???>>>"},"xms_cc":{"values":["cp1"]}}}"#;
    let (api, door) = Api::open();
    let world = setup()
        .fill("UPSTREAM", door.base())
        .put("/identities/mail/entra", "client_capabilities: [cp1]")
        .start()
        .await;
    let asked = || {
        let request = world.contoso.issuer.last_token_request().unwrap();
        request.field("claims").map(str::to_owned)
    };
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(asked().as_deref(), Some(ALONE));
    api.revoke();
    let claims = STANDARD.encode(CLAIMS);
    api.challenge(&format!(
        "Bearer error=\"insufficient_claims\", claims=\"{claims}\""
    ));
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(asked().as_deref(), Some(BESIDE));
}
