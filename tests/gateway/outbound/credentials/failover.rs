//! One credential of several that Entra refuses: callers notice nothing, and operators are told.

use crate::support::{GRAPH, Setup, World, eventually, is};
use bearergate::clock::UnixTime;
use bearergate::fake::{Contoso, KeyPair};
use serde_json::{Value, json};

use super::proof;
use crate::outbound::setup;

/// An identity whose certificate has expired, and that has a secret too.
fn old_and_new() -> Setup {
    let setup = setup();
    let expired = KeyPair::generate_expired("old", UnixTime::now()).unwrap();
    setup.contoso.register_mail_certificate(&expired).unwrap();
    setup
        .file("old.pem", expired.certificate_pem().unwrap())
        .file("old.key", expired.key_pem().unwrap())
        .identity_with(
            "several",
            "$ISSUER",
            "certificate: { file: old.pem, key: old.key }, { secret: { file: mail.secret }, ends: 2199-12-31 }",
        )
        .route("several", "$ECHO", "several", GRAPH)
}

async fn json(world: &World, path: &str) -> Value {
    world.gateway.get_admin(path).await.json()
}

fn of<'v>(list: &'v Value, name: &str, value: &str) -> &'v Value {
    let mut found = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it[name] == value);
    found
        .next()
        .unwrap_or_else(|| panic!("no {value} in {list}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_notice_nothing_and_everything_that_is_told_says_so() {
    let world = old_and_new().start().await;
    assert_eq!(world.gateway.ask("/several/x").await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    assert_eq!(proof(&world), "client_secret");

    let status = json(&world, "/status.json").await;
    let identity = of(&status["identities"], "name", "several");
    assert_eq!(identity["credential"]["number"], 2);
    let [first, second] = &identity["credentials"].as_array().unwrap()[..] else {
        panic!("{identity}");
    };
    assert_eq!(
        (&first["kind"], &first["in_use"]),
        (&json!("certificate"), &json!(false))
    );
    let why = first["refused_because"].as_str().unwrap();
    assert!(
        why.contains("AADSTS700027: Entra does not know this certificate"),
        "{why}"
    );
    assert!(
        first["again_at"].as_str() > first["refused_since"].as_str(),
        "{first}"
    );
    assert_eq!(
        (&second["kind"], &second["in_use"]),
        (&json!("secret"), &json!(true))
    );
    assert_eq!(second["ends_at"], "2199-12-31T00:00:00Z");
    assert_eq!(second["refused_since"], Value::Null);
    let mut attention = status["attention"].as_array().unwrap().iter();
    let is_told = |it: &Value| {
        let what = it["what"].as_str().unwrap_or_default();
        it["severity"] == "warning" && what.contains("credential 1 (certificate) is not accepted")
    };
    assert!(attention.any(is_told), "{status}");

    let ready = json(&world, "/readyz").await;
    let token = of(&ready["tokens"], "identity", "several");
    assert_eq!(token["credentials"][0]["state"], "refused");
    let in_use = json!({ "kind": "secret", "state": "in_use", "ends_at": "2199-12-31T00:00:00Z" });
    assert_eq!(token["credentials"][1], in_use);

    for (name, number, kind, value) in [
        ("in_use", 1, "certificate", 0.0),
        ("refused", 1, "certificate", 1.0),
        ("in_use", 2, "secret", 1.0),
        ("refused", 2, "secret", 0.0),
    ] {
        let series = format!(
            "bearergate_credential_{name}{{identity=\"several\",kind=\"{kind}\",number=\"{number}\"}} "
        );
        assert_eq!(world.gateway.metric(&series).await, Some(value), "{series}");
    }
    let ends = "bearergate_credential_expiry_seconds{identity=\"several\",kind=\"certificate\",number=\"1\"} ";
    assert!(world.gateway.metric(ends).await.unwrap() < 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_renewals_begin_with_the_one_that_works() {
    let setup = old_and_new();
    setup.contoso.issuer.misbehave(|it| it.refresh_in = Some(1));
    let world = setup.start().await;
    let series = "bearergate_token_fetches_total{identity=\"several\",outcome=\"success\"} ";
    let fetches = async || world.gateway.metric(series).await.unwrap_or(0.0);
    eventually("two renewals", async || {
        assert_eq!(world.gateway.ask("/several/x").await.status, 200);
        fetches().await >= 3.0
    })
    .await;
    assert_eq!(proof(&world), "client_secret");
    // The first asked twice, and one may be on its way; a renewal that began with the first credential would
    // have asked twice, too.
    let requests = world.contoso.issuer.token_requests();
    let fetches = fetches().await;
    assert!(fetches + 2.0 >= requests as f64, "{fetches} {requests}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_nobodys_fault_and_tries_no_other() {
    let world = old_and_new().start().await;
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(1, 503, None);
    let reply = world.gateway.ask("/several/x").await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    let status = json(&world, "/status.json").await;
    let identity = of(&status["identities"], "name", "several");
    assert_eq!(identity["credentials"][0]["refused_since"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_are_refused_the_last_ones_advice_is_told() {
    let world = setup()
        .file("one.secret", "not the secret of this application")
        .file("two.secret", "nor is this")
        .identity_with(
            "none",
            "$ISSUER",
            "secret: { file: one.secret }, secret: { file: two.secret }",
        )
        .route("none", "$ECHO", "none", GRAPH)
        .start()
        .await;
    let reply = world.gateway.ask("/none/x").await;
    assert_eq!(reply.verdict(), is(502, "token_refused"));
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    for hidden in [Contoso::MAIL_CLIENT, "AADSTS", "nor is this"] {
        assert!(!reply.text().contains(hidden), "{}", reply.text());
    }
    let line = &world.gateway.lines(1).await[0];
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("AADSTS7000215"), "{detail}");
    assert!(!world.gateway.log().contains("nor is this"));
}
