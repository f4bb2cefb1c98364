//! A token endpoint that throttles, hangs, redirects, answers nonsense or refuses, and the way to it.

use crate::support::{GRAPH, Lines, Setup, Told, World, eventually, is};
use bearergate::clock::UnixTime;
use bearergate::fake::{CertificateAuthority, Contoso, KeyPair, Response, Running};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::setup;

async fn told(world: &World) -> String {
    let line = &world.gateway.lines(1).await[0];
    line["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_honoured_by_a_hundred_callers_together() {
    let world = setup().start().await;
    let issuer = &world.contoso.issuer;
    issuer.token_endpoint().fail_next(1, 429, Some("600"));
    let callers: Vec<_> = (0..100)
        .map(|_| world.gateway.ask_apart("/mail/x"))
        .collect();
    for caller in callers {
        let reply = caller.await.unwrap().unwrap();
        assert_eq!(reply.verdict(), is(503, "token_throttled"));
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        // A pause is counted in whole seconds, and never shorter than asked for.
        assert!((590..=605).contains(&wait), "{wait}");
    }
    assert_eq!(issuer.token_requests(), 1);
    assert_eq!(
        world.contoso.echo.count(),
        0,
        "nothing goes on without a token"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_endpoint_ends_with_fetch_timeout() {
    let setup = setup().put("/fetch", "timeout: 1s");
    setup.contoso.issuer.token_endpoint().hang();
    let world = setup.start().await;
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    assert!(reply.header("retry-after").is_some());
    let detail = told(&world).await;
    assert!(detail.contains("timed out"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_endpoint_holds_up_nobody_elses_requests() {
    let well = setup();
    let world = setup()
        .put("/fetch", "timeout: 60s")
        .identity("other", well.issuer(), well.contoso.mail_secret.expose())
        .route("other", "$ECHO", "other", GRAPH)
        .plain("plain", "url: $ECHO", "")
        .start()
        .await;
    world.contoso.issuer.token_endpoint().hang();
    let waiting = world.gateway.ask_apart("/mail/x");
    eventually("a request waits", async || {
        world.contoso.issuer.token_requests() == 1
    })
    .await;
    for _ in 0..10 {
        assert_eq!(world.gateway.ask("/other/x").await.status, 200);
        assert_eq!(world.gateway.ask("/plain/x").await.status, 200);
    }
    assert!(!waiting.is_finished());
    waiting.abort();
}

/// Tokens are asked for here, with a secret that is nobody's.
fn tokens_from(endpoint: &Running) -> Setup {
    setup()
        .fill("ISSUER", endpoint.base())
        .file("mail.secret", "a secret that is sent nowhere else")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let token = json!({ "token_type": "Bearer", "access_token": "stolen", "expires_in": 3600 });
    let (elsewhere, elsewhere_door) = Told::open(move |_| Response::json(StatusCode::OK, &token));
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/token", elsewhere_door.base());
        let (_, door) = Told::open(move |_| {
            Response::empty(StatusCode::from_u16(status).unwrap()).with("location", &target)
        });
        let world = tokens_from(&door).start().await;
        let reply = world.gateway.ask("/mail/x").await;
        assert_eq!(reply.verdict(), is(503, "token_unavailable"), "{status}");
        let detail = told(&world).await;
        assert!(detail.contains("redirects are not followed"), "{detail}");
        assert_eq!(world.contoso.echo.count(), 0);
    }
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_token_is_an_outage_and_is_never_quoted() {
    const JSON: &str = "application/json";
    const HTML: &str = "text/html";
    let json = |body: Value| body.to_string().into_bytes();
    let token = |kind: &str, value: &str| {
        json(json!({ "token_type": kind, "access_token": value, "expires_in": 3600 }))
    };
    #[rustfmt::skip]
    let answers: Vec<(u16, &'static str, Vec<u8>)> = vec![
        (200, HTML, b"<html><body>MARK: sign in to the hotel's network".to_vec()),
        (200, JSON, b"{\"access_token\":\"MARK".to_vec()),
        (200, JSON, Vec::new()),
        (200, JSON, vec![b'x'; 2 * 1024 * 1024]),
        (200, JSON, json(json!(["MARK"]))),
        (200, JSON, json(json!({ "token_type": "Bearer", "expires_in": 3600 }))),
        (200, JSON, token("Bearer", "")),
        (200, JSON, token("Bearer", "MARK-t\u{f6}ken")),
        (200, JSON, token("Bearer", "MARK\r\nX-Injected: yes")),
        (200, JSON, token("Bearer", "MARK with a space")),
        (200, JSON, token("mac", "MARK")),
        (200, JSON, json(json!({ "token_type": "Bearer", "access_token": ["MARK"] }))),
        (200, JSON, json(json!({ "token_type": "Bearer", "access_token": "MARK", "expires_in": -5 }))),
        (204, JSON, Vec::new()),
        (403, HTML, b"<html>MARK: blocked by the proxy".to_vec()),
        (500, HTML, b"<html>MARK".to_vec()),
    ];
    for (number, (status, kind, body)) in answers.into_iter().enumerate() {
        let (_, door) = Told::open(move |_| {
            Response::of(StatusCode::from_u16(status).unwrap(), kind, body.clone())
        });
        let world = tokens_from(&door).start().await;
        let gateway = &world.gateway;
        let reply = gateway.ask("/mail/x").await;
        assert_eq!(reply.verdict(), is(503, "token_unavailable"), "{number}");
        gateway.lines(1).await;
        let told = reply.text() + &gateway.log() + &gateway.get_admin("/metrics").await.text();
        assert!(!told.contains("MARK"), "{number}: {told}");
        assert_eq!(world.contoso.echo.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entras_refusal_is_a_sentence_in_the_log_and_a_word_to_the_caller() {
    let setup = setup();
    let expired = KeyPair::generate_expired("old", UnixTime::now()).unwrap();
    setup.contoso.register_mail_certificate(&expired).unwrap();
    let world = setup
        .file("old.pem", expired.certificate_pem().unwrap())
        .file("old.key", expired.key_pem().unwrap())
        .identity("wrong", "$ISSUER", "not the secret of this application")
        .identity_with(
            "old",
            "$ISSUER",
            "certificate: { file: old.pem, key: old.key }",
        )
        .route("wrong", "$ECHO", "wrong", GRAPH)
        .route("old", "$ECHO", "old", GRAPH)
        .route(
            "unknown",
            "$ECHO",
            "mail",
            "api://nobody-knows-this/.default",
        )
        .start()
        .await;
    // route, code, what to do
    let cases = [
        ("wrong", "AADSTS7000215", "give the secret's Value"),
        ("old", "AADSTS7000", ""),
        ("unknown", "AADSTS500011", "check the App ID URI"),
    ];
    for (index, (route, code, advice)) in cases.iter().enumerate() {
        let reply = world.gateway.ask(&format!("/{route}/x")).await;
        let told = format!("{:?}{}", reply.headers, reply.text());
        assert_eq!(reply.verdict(), is(502, "token_refused"), "{route}");
        for hidden in [
            "AADSTS",
            Contoso::MAIL_TENANT,
            Contoso::MAIL_CLIENT,
            "graph.microsoft",
        ] {
            assert!(!told.contains(hidden), "{route}: {told}");
        }
        let line = &world.gateway.lines(index + 1).await[index];
        let detail = line["detail"].as_str().unwrap();
        if !advice.is_empty() {
            assert!(detail.contains(code) && detail.contains(advice), "{detail}");
        }
        assert!(detail.contains("correlation id"), "{detail}");
        assert_eq!(line["principal"], json!("key:payroll"));
    }
    assert_eq!(world.contoso.echo.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_ca_file_is_what_a_private_issuer_is_verified_by() {
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    let contoso = crate::support::contoso();
    let world = Setup::behind(contoso, Some(&certificate), "outbound.yaml")
        .file("ca.pem", authority.certificate_pem().unwrap())
        .start()
        .await;
    assert!(world.issuer().starts_with("https://"));
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    let detail = told(&world).await;
    assert!(detail.contains("certificate"), "{detail}");
    assert_eq!(world.contoso.issuer.token_requests(), 0);

    let trusting = world.setup.put("/fetch", "ca_file: ca.pem").start().await;
    assert_eq!(trusting.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(trusting.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_proxy_is_for_https_elsewhere_and_never_for_loopback() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let heard = Lines::default();
    let hears = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let _ = std::io::Write::write_all(&mut hears.clone(), &head[..read]);
            let _ = stream
                .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
    });
    let world = setup()
        .put("/fetch", &format!("proxy: \"http://{proxy}\""))
        .identity("cloud", "", "a secret for Microsoft only")
        .route("cloud", "$ECHO", "cloud", GRAPH)
        .start()
        .await;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200, "loopback");
    assert_eq!(heard.text(), "", "loopback does not go by the proxy");
    let reply = world.gateway.ask("/cloud/x").await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    let heard = heard.text();
    assert!(
        heard.starts_with("CONNECT login.microsoftonline.com:443 "),
        "{heard}"
    );
    assert!(!heard.contains("a secret for Microsoft only"));
}
