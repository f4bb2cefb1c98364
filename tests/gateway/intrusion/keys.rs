//! Keys that an issuer publishes for something else, or that are too weak: nothing is verified by them.

use crate::support::{Setup, Told, eventually, is};
use bearergate::fake::{Contoso, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::{FABRIKAM, TENANT, bearer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_were_not_published_to_sign_verify_nothing() {
    let setup = Setup::of("calc.yaml");
    let url = format!("{}/{TENANT}/discovery/v2.0/keys", setup.issuer());
    let bytes = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let with = |kid: &str, change: &dyn Fn(&mut Value)| {
        let mut key = document["keys"][0].clone();
        key["kid"] = kid.into();
        change(&mut key);
        key
    };
    let good = with("good", &|_| {});
    #[rustfmt::skip]
    let bad: Vec<(&str, Value)> = vec![
        ("use-enc", with("use-enc", &|key| key["use"] = "enc".into())),
        ("ops-sign", with("ops-sign", &|key| key["key_ops"] = json!(["sign"]))),
        ("alg-ps256", with("alg-ps256", &|key| key["alg"] = "PS256".into())),
        ("kty-ec", with("kty-ec", &|key| key["kty"] = "EC".into())),
        ("kty-oct", with("kty-oct", &|key| key["kty"] = "oct".into())),
        ("private", with("private", &|key| key["d"] = "AQAB".into())),
        ("exponent-3", with("exponent-3", &|key| key["e"] = "Aw".into())),
        ("short", with("short", &|key| key["n"] = "_".repeat(172).into())),
        ("even", with("even", &|key| { key["n"] = format!("{}g", "_".repeat(341)).into() })),
        ("of-another", with("of-another", &|key| { key["issuer"] = format!("https://login.microsoftonline.com/{FABRIKAM}/v2.0").into(); })),
        ("of-a-stranger", with("of-a-stranger", &|key| { key["issuer"] = "https://issuer.example/{tenantid}/v2.0".into(); })),
        ("claimed-twice", with("claimed-twice", &|_| {})),
    ];
    let double = with("claimed-twice", &|key| {
        key["n"] = format!("{}w", "_".repeat(341)).into()
    });
    let mut keys: Vec<&Value> = vec![&good, &double];
    keys.extend(bad.iter().map(|(_, key)| key));
    let document = json!({ "keys": keys });
    let (_, publisher) = Told::open(move |_| Response::json(StatusCode::OK, &document));
    let world = setup
        .fill("ISSUER", publisher.base())
        .put("/issuers/contoso", "keys: { cool_down: 1s }")
        .ready()
        .await;
    let present = async |kid: &str| {
        let token = world.token().role(Contoso::CALC_ROLE).kid(kid).mint();
        let headers = [bearer(&token)];
        world
            .gateway
            .get("apis", "/calc/v1/x", &headers)
            .await
            .verdict()
    };
    assert_eq!(present("good").await, is(200, ""));
    // Each is looked for in its turn: until then nobody is called a liar.
    for (kid, _) in &bad {
        let (status, reason) = present(kid).await;
        let told = [(401, "unknown_key"), (503, "keys_unavailable")];
        assert!(
            told.contains(&(status, &reason)),
            "{kid}: {status} {reason}"
        );
    }
    eventually("each was looked for", async || {
        let first = present(bad[0].0).await;
        first == is(401, "unknown_key") && present(bad[1].0).await == first
    })
    .await;
    for (kid, _) in &bad {
        assert_eq!(present(kid).await, is(401, "unknown_key"), "{kid}");
    }
}
