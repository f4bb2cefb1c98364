//! The documents this gateway grew from, as tests: a protected API whose callers need a role
//! (Baeke), mail read by an application that proves itself with a certificate (Johnston, Connell).
//! MSAL Python's own client is put to the same gateway by `tests/msal`.

use crate::support::{API_KEY, MAILBOX, Setup, World, contoso, inbox, is};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bearergate::fake::{Contoso, TokenRequest};
use openssl::hash::{MessageDigest, hash};
use openssl::x509::X509;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baeke_a_client_with_the_role_calls_the_calculator_and_one_without_gets_403() {
    let world = Setup::of("calc.yaml").ready().await;
    let tokens = world.contoso.clone();
    for (client, secret, status) in [
        (Contoso::CALC_CLIENT, tokens.calc_secret.expose(), 200),
        (Contoso::GUEST_CLIENT, tokens.guest_secret.expose(), 403),
    ] {
        // The request of the article, its stray `audience` parameter included.
        let form = format!(
            "grant_type=client_credentials&client_id={client}&client_secret={}\
             &audience=api%3A%2F%2F06b2a484-141c-42d3-9d73-32bec5910b06\
             &scope=api%3A%2F%2F06b2a484-141c-42d3-9d73-32bec5910b06%2F.default",
            secret.replace('~', "%7E")
        );
        let url = format!(
            "{}/019486dd-8ffb-45a9-9232-4132babb1324/oauth2/v2.0/token",
            world.issuer()
        );
        let answer = reqwest::Client::new()
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(answer.get("refresh_token").is_none());
        let token = answer["access_token"].as_str().unwrap();
        let claims = part(token, 1);
        assert_eq!(claims["azp"], client);
        assert_eq!(claims["aud"], "06b2a484-141c-42d3-9d73-32bec5910b06");

        let header = format!("Authorization: Bearer {token}");
        let reply = world
            .gateway
            .get("apis", "/calc/v1/add/1/1", &[header])
            .await;
        assert_eq!(reply.status, status, "{}", reply.text());
        match status {
            200 => assert_eq!(reply.json()["result"], 2),
            _ => assert_eq!(reply.reason(), "role_missing"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn johnston_ten_newest_messages_by_a_certificate_assertion_field_by_field() {
    let world = Setup::mail(contoso()).start().await;
    let reply = world
        .gateway
        .ask(&inbox("?$top=10&$orderby=receivedDateTime%20desc"))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let messages = reply.json()["value"].as_array().unwrap().clone();
    assert_eq!(messages.len(), 10);
    let times: Vec<&str> = messages
        .iter()
        .map(|message| message["receivedDateTime"].as_str().unwrap())
        .collect();
    assert!(
        times.is_sorted_by(|earlier, later| earlier >= later),
        "{times:?}"
    );

    let asked = world.contoso.issuer.last_token_request().unwrap();
    assert_eq!(asked.field("grant_type"), Some("client_credentials"));
    assert_eq!(asked.field("client_id"), Some(Contoso::MAIL_CLIENT));
    assert_eq!(
        asked.field("scope"),
        Some("https://graph.microsoft.com/.default")
    );
    assert_eq!(
        asked.field("client_assertion_type"),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert_eq!(asked.field("client_secret"), None);
    assert_eq!(asked.field("resource"), None);
    assert!(!asked.headers.contains_key("origin"));
    let (header, claims) = assertion(&asked);
    let thumbprint = sha(&world, MessageDigest::sha256());
    assert_eq!(
        header,
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
    );
    let now = bearergate::clock::UnixTime::now().seconds();
    assert_claims(
        &claims,
        &format!("{}/{}/oauth2/v2.0/token", world.issuer(), asked.tenant),
        now,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn johnston_the_v1_endpoint_takes_a_resource_and_rs256_with_x5t_where_asked() {
    let world = Setup::mail(contoso())
        .put("/identities/mail-daemon/entra", "endpoint: v1")
        .put(
            "/identities/mail-daemon/credentials/0/certificate",
            "{ assertion: RS256, x5c: true }",
        )
        .start()
        .await;
    let reply = world.gateway.ask(&inbox("?$top=1")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let asked = world.contoso.issuer.last_token_request().unwrap();
    assert_eq!(asked.field("resource"), Some("https://graph.microsoft.com"));
    assert_eq!(asked.field("scope"), None);
    let (header, claims) = assertion(&asked);
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["x5t"], sha(&world, MessageDigest::sha1()));
    assert_eq!(header.get("x5t#S256"), None);
    let leaf = STANDARD.encode(certificate(&world));
    assert_eq!(header["x5c"], json!([leaf]));
    let now = bearergate::clock::UnixTime::now().seconds();
    assert_claims(
        &claims,
        &format!("{}/{}/oauth2/token", world.issuer(), asked.tenant),
        now,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_token_request_carries_a_fresh_assertion() {
    let contoso = contoso();
    contoso.issuer.misbehave(|it| it.refuse_replays = true);
    for gateways in 1..=3 {
        let world = Setup::mail(contoso.clone()).start().await;
        assert_eq!(world.gateway.ask(&inbox("?$top=1")).await.status, 200);
        assert_eq!(contoso.issuer.token_requests(), gateways);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_is_sent_for_an_application_that_knows_no_oauth() {
    let world = Setup::mail(contoso()).start().await;
    let mail = json!({"message": {
        "subject": "Invoice 17",
        "body": {"contentType": "Text", "content": "Please pay."},
        "toRecipients": [{"emailAddress": {"address": "someone@fabrikam.example"}}],
    }, "saveToSentItems": true})
    .to_string();
    let target = format!("/graph/v1.0/users/{}/sendMail", MAILBOX);
    let request = |extra: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n{extra}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{mail}",
            API_KEY,
            mail.len()
        )
    };
    let reply = world.gateway.raw("legacy", request("")).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    assert_eq!(world.contoso.mailbox.sent().len(), 1);
    // A page in the user's browser reaches loopback too, and must not send mail.
    for header in [
        "Origin: https://evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Origin: null\r\n",
    ] {
        let reply = world.gateway.raw("legacy", request(header)).await;
        assert_eq!(reply.verdict(), is(403, "browser_not_allowed"));
    }
    assert_eq!(world.contoso.mailbox.sent().len(), 1);
}

fn assertion(asked: &TokenRequest) -> (Value, Value) {
    let assertion = asked.field("client_assertion").unwrap();
    (part(assertion, 0), part(assertion, 1))
}

fn assert_claims(claims: &Value, audience: &str, now: u64) {
    let names: Vec<&str> = claims
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]);
    assert_eq!(claims["aud"], audience);
    assert_eq!(claims["iss"], Contoso::MAIL_CLIENT);
    assert_eq!(claims["sub"], claims["iss"]);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
    let (from, until) = (
        claims["nbf"].as_u64().unwrap(),
        claims["exp"].as_u64().unwrap(),
    );
    assert!(
        until - from <= 600 && from <= now && until > now,
        "{claims}"
    );
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn sha(world: &World, digest: MessageDigest) -> String {
    URL_SAFE_NO_PAD.encode(hash(digest, &certificate(world)).unwrap())
}

/// What the application proves itself with, as DER.
fn certificate(world: &World) -> Vec<u8> {
    let pem = std::fs::read(world.path("mail.cer")).unwrap();
    X509::from_pem(&pem).unwrap().to_der().unwrap()
}
