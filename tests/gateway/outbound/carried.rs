//! Beside our token: what of the caller's goes along, and where the token itself never goes.

use std::sync::Arc;

use crate::support::{API_KEY, GRAPH, Told, eventually, is};
use bearergate::fake::{CertificateAuthority, Echo, Response, bind, serve};
use http::StatusCode;
use serde_json::json;

use super::{claims, setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_upstream_is_the_callers_business() {
    let (elsewhere, elsewhere_door) = Told::open(|_| Response::empty(StatusCode::OK));
    let target = format!("{}/attachment?sig=1", elsewhere_door.base());
    let location = target.clone();
    let (_, upstream) =
        Told::open(move |_| Response::empty(StatusCode::FOUND).with("location", &location));
    let world = setup().fill("UPSTREAM", upstream.base()).start().await;
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("location"), Some(target.as_str()));
    assert_eq!(reply.header("authorization"), None);
    assert_eq!(elsewhere.count(), 0, "our token never follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_callers_travels_beside_our_token() {
    let world = setup().start().await;
    let forged = [
        "Cookie: session=1",
        "Proxy-Authorization: Basic eDp5",
        "Authorization: Bearer forged",
        "X-Forwarded-For: 10.1.2.3",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "Forwarded: for=10.1.2.3",
        "X-Real-IP: 10.1.2.3",
        "X-Original-URL: /v1.0/users",
    ];
    let mut headers: Vec<String> = forged.iter().map(|line| (*line).to_owned()).collect();
    headers.push(format!("X-Api-Key: {API_KEY}"));
    headers.push("Prefer: outlook.body-content-type=\"text\"".to_owned());
    let reply = world.gateway.get("legacy", "/mail/x", &headers).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let request = world.contoso.echo.last().unwrap();
    for line in forged.iter().copied().chain(["X-Api-Key: "]) {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        if name != "authorization" {
            assert_eq!(request.header(&name), None, "{name} went on");
        }
    }
    assert_eq!(request.headers.get_all("authorization").iter().count(), 1);
    let audience = &claims(&world.echoed("authorization"))["aud"];
    assert_eq!(audience, &json!("https://graph.microsoft.com"));
    let upstream = world.echo.address().to_string();
    assert_eq!(request.header("host"), Some(upstream.as_str()));
    assert!(
        request.header("prefer").is_some(),
        "what the application means for the API goes on"
    );
    for browser in [
        "Origin: https://evil.example",
        "Sec-Fetch-Site: same-origin",
    ] {
        let mut headers = headers.clone();
        headers.push(browser.to_owned());
        let reply = world.gateway.get("legacy", "/mail/x", &headers).await;
        assert_eq!(reply.verdict(), is(403, "browser_not_allowed"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_upstream_is_verified_and_gets_our_token_under_its_own_name() {
    let (authority, other) = (
        CertificateAuthority::generate().unwrap(),
        CertificateAuthority::generate().unwrap(),
    );
    let certificate = authority.issue_for_loopback().unwrap();
    let echo = Echo::new();
    let door = serve(bind(0).unwrap(), Some(&certificate), Arc::new(echo.clone())).unwrap();
    let name = format!("localhost:{}", door.address().port());
    let token = format!("token: {{ identity: mail, scope: {GRAPH}, allow_host_mismatch: true }}");
    let upstream = |ca: &str| format!("url: https://{name}, ca_file: {ca}");
    let world = setup()
        .file("ca.pem", authority.certificate_pem().unwrap())
        .file("other.pem", other.certificate_pem().unwrap())
        .plain("good", &upstream("ca.pem"), &token)
        .plain("bad", &upstream("other.pem"), &token)
        .start()
        .await;
    eventually("the upstream's name is resolved", async || {
        world.gateway.ask("/good/x").await.status == 200
    })
    .await;
    let request = echo.last().unwrap();
    assert!(request.secure);
    assert_eq!(request.header("host"), Some(name.as_str()));
    assert!(request.header("authorization").is_some());
    let count = echo.count();
    let reply = world.gateway.ask("/bad/x").await;
    assert_eq!(reply.verdict(), is(502, "upstream_unreachable"));
    assert_eq!(echo.count(), count, "what is not verified gets no token");
}
