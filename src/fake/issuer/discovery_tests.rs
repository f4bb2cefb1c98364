use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use serde_json::{Value, json};

use crate::fake::fixtures::{HOST, NOW, ask, contoso, get};
use crate::fake::http::{Pace, Request};
use crate::fake::{Contoso, Issuer, KeyAnswer};

const TENANT: &str = Contoso::CALC_TENANT;

fn fetch(issuer: &Issuer, path: &str) -> Value {
    let (status, body, _) = ask(issuer, &get(path));
    assert_eq!(status, 200, "{path}");
    body
}

#[test]
fn documents_name_the_clouds_issuers_and_our_endpoints() {
    let issuer = contoso().issuer;
    let upper = TENANT.to_uppercase();
    for (path, expected_issuer, root, token) in [
        (
            format!("/{TENANT}/v2.0/.well-known/openid-configuration"),
            format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
            TENANT,
            "oauth2/v2.0/token",
        ),
        (
            format!("/{upper}/.well-known/openid-configuration"),
            format!("https://sts.windows.net/{TENANT}/"),
            TENANT,
            "oauth2/token",
        ),
        (
            "/common/v2.0/.well-known/openid-configuration".to_owned(),
            "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
            "common",
            "oauth2/v2.0/token",
        ),
        (
            "/common/.well-known/openid-configuration".to_owned(),
            "https://sts.windows.net/{tenantid}/".to_owned(),
            "common",
            "oauth2/token",
        ),
        (
            "/consumers/v2.0/.well-known/openid-configuration".to_owned(),
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
                .to_owned(),
            "9188040d-6c67-4c5b-b112-36a304b66dad",
            "oauth2/v2.0/token",
        ),
    ] {
        let document = fetch(&issuer, &path);
        assert_eq!(document["issuer"], expected_issuer, "{path}");
        assert_eq!(
            document["token_endpoint"],
            format!("http://{HOST}/{root}/{token}")
        );
        assert_eq!(
            document["id_token_signing_alg_values_supported"],
            json!(["RS256"])
        );
        assert_eq!(document["cloud_instance_name"], "microsoftonline.com");
        let keys = document["jwks_uri"].as_str().unwrap();
        let keys = keys.strip_prefix(&format!("http://{HOST}")).unwrap();
        assert_eq!(
            fetch(&issuer, keys)["keys"].as_array().unwrap().len(),
            1,
            "{path}"
        );
    }
    let mut secure = get(&format!("/{TENANT}/v2.0/.well-known/openid-configuration"));
    secure.secure = true;
    let (_, document, _) = ask(&issuer, &secure);
    assert!(
        document["jwks_uri"]
            .as_str()
            .unwrap()
            .starts_with("https://127.0.0.1:8400/")
    );
}

#[test]
fn keys_look_like_entras() {
    let issuer = contoso().issuer;
    let v1 = &fetch(&issuer, &format!("/{TENANT}/discovery/keys"))["keys"][0];
    let v2 = &fetch(&issuer, &format!("/{TENANT}/discovery/v2.0/keys"))["keys"][0];
    let common = &fetch(&issuer, "/common/discovery/v2.0/keys")["keys"][0];
    for key in [v1, v2, common] {
        assert_eq!(
            (&key["kty"], &key["use"], &key["e"]),
            (&json!("RSA"), &json!("sig"), &json!("AQAB"))
        );
        assert_eq!(key.get("alg"), None, "Entra's keys name no algorithm");
        assert_eq!(key["kid"], key["x5t"]);
        let der = STANDARD.decode(key["x5c"][0].as_str().unwrap()).unwrap();
        let wrapper = X509::from_der(&der).unwrap();
        let thumbprint = wrapper.digest(MessageDigest::sha1()).unwrap();
        assert_eq!(key["x5t"], URL_SAFE_NO_PAD.encode(thumbprint));
        let modulus = wrapper.public_key().unwrap().rsa().unwrap().n().to_vec();
        assert_eq!(key["n"], URL_SAFE_NO_PAD.encode(&modulus));
        assert_eq!(modulus.len(), 256);
    }
    assert_eq!(v1.get("issuer"), None);
    assert_eq!(
        v2["issuer"],
        format!("https://login.microsoftonline.com/{TENANT}/v2.0")
    );
    assert_eq!(
        common["issuer"],
        "https://login.microsoftonline.com/{tenantid}/v2.0"
    );
}

#[test]
fn instance_discovery_knows_no_host_but_ours() {
    let issuer = contoso().issuer;
    let ask_about = |host: &str| {
        let target = format!(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=\
             http%3A%2F%2F{host}%2F{TENANT}%2Foauth2%2Fv2.0%2Fauthorize"
        );
        ask(&issuer, &get(&target))
    };
    let (status, body, _) = ask_about("127.0.0.1%3A8400");
    assert_eq!(status, 200);
    assert_eq!(
        body["tenant_discovery_endpoint"],
        format!("http://{HOST}/{TENANT}/v2.0/.well-known/openid-configuration")
    );
    let (status, body, _) = ask_about("evil.example");
    assert_eq!((status, &body["error"]), (400, &json!("invalid_instance")));
}

#[test]
fn what_is_not_there_is_not_there() {
    let issuer = contoso().issuer;
    for (path, status) in [
        ("/", 404),
        ("/common/discovery/nothing", 404),
        ("/not-a-guid/discovery/keys", 400),
        ("/019486dd8ffb45a992324132babb1324/discovery/keys", 400),
        (
            "/{019486dd-8ffb-45a9-9232-4132babb1324}/discovery/keys",
            400,
        ),
    ] {
        assert_eq!(ask(&issuer, &get(path)).0, status, "{path}");
    }
    let path = format!("/{TENANT}/discovery/v2.0/keys");
    let post = Request::new(Method::POST, &path, NOW).with("host", HOST);
    assert_eq!(ask(&issuer, &post).0, 405);
    assert_eq!(issuer.key_fetches(), 0);
}

#[test]
fn keys_rotate_and_break_on_request() {
    let issuer = contoso().issuer;
    let path = format!("/{TENANT}/discovery/v2.0/keys");
    let kids = || {
        let keys = fetch(&issuer, &path)["keys"].clone();
        let kids = keys
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].clone());
        kids.collect::<Vec<_>>()
    };
    let first = json!(issuer.signing_key().kid());
    assert_eq!(kids(), std::slice::from_ref(&first));
    let second = json!(issuer.add_key().unwrap().kid());
    assert_eq!(kids(), [first, second.clone()]);
    assert_eq!(
        json!(issuer.signing_key().kid()),
        second,
        "the newest signs"
    );
    let third = json!(issuer.rotate_keys().unwrap().kid());
    assert_eq!(kids(), std::slice::from_ref(&third));

    issuer.misbehave(|it| it.keys = KeyAnswer::Empty);
    assert_eq!(kids(), Vec::<Value>::new());
    issuer.misbehave(|it| it.keys = KeyAnswer::Garbage);
    let (status, body, _) = ask(&issuer, &get(&path));
    assert_eq!((status, body), (200, Value::Null));
    issuer.misbehave(|it| it.keys = KeyAnswer::Good);
    assert_eq!(kids(), [third]);
    issuer.key_endpoint().fail_next(1, 500, None);
    assert_eq!(ask(&issuer, &get(&path)).0, 500);
    assert_eq!(ask(&issuer, &get(&path)).0, 200);
    assert_eq!(issuer.key_fetches(), 8);
    assert_eq!(issuer.token_requests(), 0);

    issuer.key_endpoint().slow(Duration::from_secs(2));
    assert_eq!(
        ask(&issuer, &get(&path)).2.pace,
        Pace::After(Duration::from_secs(2))
    );
    issuer.key_endpoint().hang();
    assert_eq!(ask(&issuer, &get(&path)).2.pace, Pace::Never);
    issuer.key_endpoint().heal();
    assert_eq!(ask(&issuer, &get(&path)).2.pace, Pace::AtOnce);
}
