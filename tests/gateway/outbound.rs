//! The leg away from us, through the real gateway: whose token goes where, what happens while none
//! can be had, and what must never go along or come out.

use std::path::Path;
use std::sync::Arc;

use crate::support::organisation::{CALC, File, GRAPH, Told, ask, ask_apart, claims};
use crate::support::{API_KEY, Gateway, eventually};
use bearergate::clock::UnixTime;
use bearergate::fake::{
    CertificateAuthority, Contoso, Echo, KeyPair, Neighbourhood, Ports, Response, Running,
    SigningKey, bind, serve,
};
use http::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One organisation, one identity of its mail application, and an echo that takes its tokens.
struct World {
    contoso: Contoso,
    doors: Neighbourhood,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let contoso = Contoso::with_key(SigningKey::shared().unwrap());
        let doors = contoso.open(Ports::default(), None).unwrap();
        Self {
            contoso,
            doors,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file with the identity `mail` and the route `/mail/**`.
    fn file(&self) -> File {
        let secret = self.contoso.mail_secret.expose();
        File::default()
            .identity(self.folder(), "mail", &self.doors.issuer.base(), secret)
            .route("mail", &self.doors.echo.base(), "mail", GRAPH)
    }

    async fn gateway(&self) -> Gateway {
        self.file().start(self.folder()).await
    }

    /// What the echo was sent last.
    fn carried(&self) -> String {
        sent(&self.contoso.echo, "authorization").unwrap_or_default()
    }
}

fn sent(echo: &Echo, name: &str) -> Option<String> {
    echo.last()?.header(name).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_when_entra_likes_without_any_request_paying_for_it() {
    let world = World::new();
    world.contoso.issuer.refresh_in(2);
    let gateway = world.gateway().await;
    assert_eq!(ask(&gateway, "/mail/x").await.status, 200);
    let first = world.carried();
    eventually("a renewal that nobody asked for", async || {
        world.contoso.issuer.token_requests() == 2
    })
    .await;
    // The endpoint is silent from now on: whoever had to ask it would hang.
    world.contoso.issuer.token_endpoint().hang();
    eventually("the renewed token is carried", async || {
        assert_eq!(ask(&gateway, "/mail/x").await.status, 200);
        world.carried() != first
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_token_serves_on_while_the_endpoint_fails() {
    let world = World::new();
    world.contoso.issuer.refresh_in(1);
    let gateway = world.gateway().await;
    assert_eq!(ask(&gateway, "/mail/x").await.status, 200);
    let first = world.carried();
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(u32::MAX, 500, None);
    eventually("a renewal that fails", async || {
        world.contoso.issuer.token_requests() == 2
    })
    .await;
    for _ in 0..20 {
        assert_eq!(ask(&gateway, "/mail/x").await.status, 200);
        assert_eq!(world.carried(), first);
    }
    assert!(
        world.contoso.issuer.token_requests() <= 3,
        "an outage is not hammered"
    );
    let metrics = gateway.get_admin("/metrics").await.text();
    assert!(
        metrics.contains("bearergate_token_fetches_total{identity=\"mail\",outcome=\"failure\"}"),
        "{metrics}"
    );
    assert!(
        metrics.contains("bearergate_token_expiry_seconds{identity=\"mail\",scope="),
        "{metrics}"
    );
    for fed in [
        "bearergate_access_log_dropped_total 0",
        "bearergate_panics_total 0",
    ] {
        assert!(metrics.contains(fed), "{fed} in\n{metrics}");
    }
    for id in [Contoso::MAIL_TENANT, Contoso::MAIL_CLIENT] {
        assert!(
            !metrics.contains(id),
            "no tenant and no application in labels"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_honoured_by_a_hundred_callers_together() {
    let world = World::new();
    world
        .contoso
        .issuer
        .token_endpoint()
        .fail_next(1, 429, Some("600"));
    let gateway = world.gateway().await;
    let address = gateway.address("legacy");
    let callers: Vec<_> = (0..100).map(|_| ask_apart(address, "/mail/x")).collect();
    for caller in callers {
        let reply = caller.await.unwrap().unwrap();
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (503, "token_throttled")
        );
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        // A pause is counted in whole seconds, and never shorter than asked for.
        assert!((590..=605).contains(&wait), "{wait}");
    }
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    assert_eq!(
        world.contoso.echo.count(),
        0,
        "nothing goes on without a token"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_endpoint_ends_with_fetch_timeout() {
    let world = World::new();
    world.contoso.issuer.token_endpoint().hang();
    let gateway = world
        .file()
        .fetch("timeout: 1s")
        .start(world.folder())
        .await;
    let reply = ask(&gateway, "/mail/x").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "token_unavailable")
    );
    assert!(reply.header("retry-after").is_some());
    let line = &gateway.lines(1).await[0];
    assert!(
        line["detail"].as_str().unwrap().contains("timed out"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_endpoint_holds_up_nobody_elses_requests() {
    let (silent, well) = (World::new(), World::new());
    silent.contoso.issuer.token_endpoint().hang();
    let echo = silent.doors.echo.base();
    let gateway = silent
        .file()
        .fetch("timeout: 60s")
        .identity(
            silent.folder(),
            "other",
            &well.doors.issuer.base(),
            well.contoso.mail_secret.expose(),
        )
        .route("other", &echo, "other", GRAPH)
        .plain("plain", &echo, "")
        .start(silent.folder())
        .await;
    let waiting = ask_apart(gateway.address("legacy"), "/mail/x");
    eventually("a request waits", async || {
        silent.contoso.issuer.token_requests() == 1
    })
    .await;
    for _ in 0..10 {
        assert_eq!(ask(&gateway, "/other/x").await.status, 200);
        assert_eq!(ask(&gateway, "/plain/x").await.status, 200);
    }
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_broken_identity_is_nobody_elses_trouble() {
    let world = World::new();
    let (issuer, echo) = (world.doors.issuer.base(), world.doors.echo.base());
    let gateway = world
        .file()
        .identity(
            world.folder(),
            "broken",
            &issuer,
            "not the secret of this application",
        )
        .route("broken", &echo, "broken", GRAPH)
        .start(world.folder())
        .await;
    for _ in 0..5 {
        let reply = ask(&gateway, "/broken/x").await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (502, "token_refused")
        );
        assert_eq!(ask(&gateway, "/mail/x").await.status, 200);
    }
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "one for each identity"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_only_ever_sent_for_its_own_scope_and_identity() {
    let (here, there) = (World::new(), World::new());
    let echo = here.doors.echo.base();
    let gateway = here
        .file()
        .route("calc", &echo, "mail", CALC)
        .route("again", &echo, "mail", GRAPH)
        .identity(
            here.folder(),
            "other",
            &there.doors.issuer.base(),
            there.contoso.mail_secret.expose(),
        )
        .route("other", &echo, "other", GRAPH)
        .start(here.folder())
        .await;
    let mut carried = Vec::new();
    for route in [
        "mail", "calc", "again", "other", "mail", "calc", "again", "other",
    ] {
        let reply = ask(&gateway, &format!("/{route}/x")).await;
        assert_eq!(reply.status, 200, "{route}: {}", reply.text());
        carried.push(here.carried());
    }
    let audience = |at: usize| claims(&carried[at])["aud"].clone();
    assert_eq!(audience(0), json!("https://graph.microsoft.com"));
    assert_eq!(audience(1), json!(Contoso::CALC_API));
    assert_eq!(
        carried[0], carried[2],
        "two routes share one token of one identity and scope"
    );
    assert_ne!(
        carried[0], carried[3],
        "another identity has a token of its own"
    );
    assert_eq!(carried[..4], carried[4..]);
    assert_eq!(here.contoso.issuer.token_requests(), 2);
    assert_eq!(there.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    let world = World::new();
    let token = json!({ "token_type": "Bearer", "access_token": "stolen", "expires_in": 3600 });
    let (elsewhere, elsewhere_door) = Told::open(move |_| Response::json(StatusCode::OK, &token));
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/token", elsewhere_door.base());
        let (_, door) = Told::open(move |_| {
            Response::empty(StatusCode::from_u16(status).unwrap()).with("location", &target)
        });
        let gateway = tokens_from(&world, &door).await;
        let reply = ask(&gateway, "/mail/x").await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (503, "token_unavailable"),
            "{status}"
        );
        let line = &gateway.lines(1).await[0];
        assert!(
            line["detail"]
                .as_str()
                .unwrap()
                .contains("redirects are not followed"),
            "{line}"
        );
    }
    assert_eq!(elsewhere.count(), 0);
    assert_eq!(world.contoso.echo.count(), 0);
}

async fn tokens_from(world: &World, endpoint: &Running) -> Gateway {
    File::default()
        .identity(
            world.folder(),
            "mail",
            &endpoint.base(),
            "a secret that is sent nowhere else",
        )
        .route("mail", &world.doors.echo.base(), "mail", GRAPH)
        .start(world.folder())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_no_token_is_an_outage_and_is_never_quoted() {
    let world = World::new();
    let json = |body: serde_json::Value| ("application/json", body.to_string().into_bytes());
    let token = |kind: &str, value: &str| {
        json(json!({ "token_type": kind, "access_token": value, "expires_in": 3600 }))
    };
    let answers: Vec<(u16, (&'static str, Vec<u8>))> = vec![
        (
            200,
            (
                "text/html",
                b"<html><body>MARK: sign in to the hotel's network".to_vec(),
            ),
        ),
        (
            200,
            ("application/json", b"{\"access_token\":\"MARK".to_vec()),
        ),
        (200, ("application/json", Vec::new())),
        (200, ("application/json", vec![b'x'; 2 * 1024 * 1024])),
        (200, json(json!(["MARK"]))),
        (
            200,
            json(json!({ "token_type": "Bearer", "expires_in": 3600 })),
        ),
        (200, token("Bearer", "")),
        (200, token("Bearer", "MARK-t\u{f6}ken")),
        (200, token("Bearer", "MARK\r\nX-Injected: yes")),
        (200, token("Bearer", "MARK with a space")),
        (200, token("mac", "MARK")),
        (
            200,
            json(json!({ "token_type": "Bearer", "access_token": ["MARK"] })),
        ),
        (
            200,
            json(json!({ "token_type": "Bearer", "access_token": "MARK", "expires_in": -5 })),
        ),
        (204, ("application/json", Vec::new())),
        (
            403,
            ("text/html", b"<html>MARK: blocked by the proxy".to_vec()),
        ),
        (500, ("text/html", b"<html>MARK".to_vec())),
    ];
    for (number, (status, (kind, body))) in answers.into_iter().enumerate() {
        let (_, door) = Told::open(move |_| {
            Response::of(StatusCode::from_u16(status).unwrap(), kind, body.clone())
        });
        let gateway = tokens_from(&world, &door).await;
        let reply = ask(&gateway, "/mail/x").await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (503, "token_unavailable"),
            "{number}"
        );
        gateway.lines(1).await;
        let told = reply.text() + &gateway.log() + &gateway.get_admin("/metrics").await.text();
        assert!(!told.contains("MARK"), "{number}: {told}");
    }
    assert_eq!(world.contoso.echo.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_upstream_is_the_callers_business() {
    let world = World::new();
    let (elsewhere, elsewhere_door) = Told::open(|_| Response::empty(StatusCode::OK));
    let target = format!("{}/attachment?sig=1", elsewhere_door.base());
    let location = target.clone();
    let (_, upstream) =
        Told::open(move |_| Response::empty(StatusCode::FOUND).with("location", &location));
    let gateway = world
        .file()
        .route("moved", &upstream.base(), "mail", GRAPH)
        .start(world.folder())
        .await;
    let reply = ask(&gateway, "/moved/x").await;
    assert_eq!(reply.status, 302);
    assert_eq!(reply.header("location"), Some(target.as_str()));
    assert_eq!(reply.header("authorization"), None);
    assert_eq!(elsewhere.count(), 0, "our token never follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_the_callers_travels_beside_our_token() {
    let world = World::new();
    let gateway = world.gateway().await;
    let forged = [
        "Cookie: session=1",
        "Proxy-Authorization: Basic eDp5",
        "Authorization: Bearer forged",
        "X-Forwarded-For: 10.1.2.3",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "Forwarded: for=10.1.2.3",
        "X-Real-IP: 10.1.2.3",
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /v1.0/users",
    ];
    let mut headers: Vec<String> = forged.iter().map(|line| (*line).to_owned()).collect();
    headers.push(format!("X-Api-Key: {API_KEY}"));
    headers.push("Prefer: outlook.body-content-type=\"text\"".to_owned());
    let reply = gateway.get("legacy", "/mail/x", &headers).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let request = world.contoso.echo.last().unwrap();
    for line in forged.iter().copied().chain(["X-Api-Key: "]) {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        if name != "authorization" {
            assert_eq!(request.header(&name), None, "{name} went on");
        }
    }
    assert_eq!(request.headers.get_all("authorization").iter().count(), 1);
    assert_eq!(
        claims(&world.carried())["aud"],
        json!("https://graph.microsoft.com")
    );
    assert_eq!(
        request.header("host"),
        Some(world.doors.echo.address().to_string().as_str())
    );
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
        let reply = gateway.get("legacy", "/mail/x", &headers).await;
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (403, "browser_not_allowed")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entras_refusal_is_a_sentence_in_the_log_and_a_word_to_the_caller() {
    let world = World::new();
    let (issuer, echo) = (world.doors.issuer.base(), world.doors.echo.base());
    let expired = KeyPair::generate_expired("old", UnixTime::now()).unwrap();
    world.contoso.register_mail_certificate(&expired).unwrap();
    std::fs::write(
        world.folder().join("old.pem"),
        expired.certificate_pem().unwrap(),
    )
    .unwrap();
    std::fs::write(world.folder().join("old.key"), expired.key_pem().unwrap()).unwrap();
    let gateway = world
        .file()
        .identity(
            world.folder(),
            "wrong",
            &issuer,
            "not the secret of this application",
        )
        .identity_with(
            "old",
            &issuer,
            "certificate: { file: old.pem, key: old.key }",
        )
        .route("wrong", &echo, "wrong", GRAPH)
        .route("old", &echo, "old", GRAPH)
        .route("unknown", &echo, "mail", "api://nobody-knows-this/.default")
        .start(world.folder())
        .await;
    // route, code, what to do
    let cases = [
        ("wrong", "AADSTS7000215", "give the secret's Value"),
        ("old", "AADSTS7000", ""),
        ("unknown", "AADSTS500011", "check the App ID URI"),
    ];
    for (index, (route, code, advice)) in cases.iter().enumerate() {
        let reply = ask(&gateway, &format!("/{route}/x")).await;
        let told = format!("{:?}{}", reply.headers, reply.text());
        assert_eq!(
            (reply.status, reply.reason().as_str()),
            (502, "token_refused"),
            "{route}"
        );
        for hidden in [
            "AADSTS",
            Contoso::MAIL_TENANT,
            Contoso::MAIL_CLIENT,
            "graph.microsoft",
        ] {
            assert!(!told.contains(hidden), "{route}: {told}");
        }
        let line = &gateway.lines(index + 1).await[index];
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
async fn a_token_that_the_upstream_refuses_is_replaced_and_a_stubborn_upstream_makes_no_storm() {
    let world = World::new();
    // An API that trusts no token issued before it changed its mind.
    let refused = Arc::new(std::sync::Mutex::new(String::new()));
    let known = Arc::clone(&refused);
    let (_, upstream) = Told::open(move |request| {
        let token = request
            .header("authorization")
            .unwrap_or_default()
            .to_owned();
        let stubborn = request.path() == "/stubborn";
        let status = match stubborn || *known.lock().unwrap() == token {
            true => StatusCode::UNAUTHORIZED,
            false => StatusCode::OK,
        };
        Response::of(status, "text/plain", token.into_bytes())
    });
    let secret = world.contoso.mail_secret.expose();
    let gateway = File::default()
        .identity(world.folder(), "mail", &world.doors.issuer.base(), secret)
        .route("mail", &upstream.base(), "mail", GRAPH)
        .start(world.folder())
        .await;
    let reply = ask(&gateway, "/mail/x").await;
    assert_eq!(reply.status, 200);
    let first = reply.text();
    refused.lock().unwrap().clone_from(&first);
    eventually("a fresh token", async || {
        let reply = ask(&gateway, "/mail/x").await;
        assert!(matches!(reply.status, 200 | 502), "{}", reply.status);
        if reply.status == 502 {
            assert_eq!(reply.reason(), "upstream_refused_token");
        }
        reply.status == 200 && reply.text() != first
    })
    .await;
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    for _ in 0..50 {
        assert_eq!(ask(&gateway, "/mail/stubborn").await.status, 502);
    }
    assert_eq!(
        world.contoso.issuer.token_requests(),
        2,
        "once in a while is enough"
    );
    assert_eq!(
        ask(&gateway, "/mail/x").await.status,
        200,
        "the token in hand stays"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_ca_file_is_what_a_private_issuer_is_verified_by() {
    let contoso = Contoso::with_key(SigningKey::shared().unwrap());
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    let doors = contoso.open(Ports::default(), Some(&certificate)).unwrap();
    let world = World {
        contoso,
        doors,
        folder: tempfile::tempdir().unwrap(),
    };
    assert!(world.doors.issuer.base().starts_with("https://"));
    std::fs::write(
        world.folder().join("ca.pem"),
        authority.certificate_pem().unwrap(),
    )
    .unwrap();

    let trusting = world
        .file()
        .fetch("ca_file: ca.pem")
        .start(world.folder())
        .await;
    assert_eq!(ask(&trusting, "/mail/x").await.status, 200);

    let strict = world.gateway().await;
    let reply = ask(&strict, "/mail/x").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "token_unavailable")
    );
    let line = &strict.lines(1).await[0];
    assert!(
        line["detail"].as_str().unwrap().contains("certificate"),
        "{line}"
    );
    assert_eq!(world.contoso.issuer.token_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetch_proxy_is_for_https_elsewhere_and_never_for_loopback() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let heard = crate::support::Lines::default();
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
    let world = World::new();
    let gateway = world
        .file()
        .fetch(&format!("proxy: \"http://{proxy}\""))
        .identity(world.folder(), "cloud", "", "a secret for Microsoft only")
        .route("cloud", &world.doors.echo.base(), "cloud", GRAPH)
        .start(world.folder())
        .await;
    assert_eq!(ask(&gateway, "/mail/x").await.status, 200, "loopback");
    assert_eq!(heard.text(), "", "loopback does not go by the proxy");
    let reply = ask(&gateway, "/cloud/x").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (503, "token_unavailable")
    );
    assert!(
        heard
            .text()
            .starts_with("CONNECT login.microsoftonline.com:443 "),
        "{}",
        heard.text()
    );
    assert!(!heard.text().contains("a secret for Microsoft only"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_upstream_is_verified_and_gets_our_token_under_its_own_name() {
    let world = World::new();
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    let echo = Echo::new();
    let door = serve(bind(0).unwrap(), Some(&certificate), Arc::new(echo.clone())).unwrap();
    std::fs::write(
        world.folder().join("ca.pem"),
        authority.certificate_pem().unwrap(),
    )
    .unwrap();
    let other = CertificateAuthority::generate().unwrap();
    std::fs::write(
        world.folder().join("other.pem"),
        other.certificate_pem().unwrap(),
    )
    .unwrap();
    let url = format!("https://localhost:{}", door.address().port());
    let with = |name: &str, ca: &str| {
        let token = format!(
            "    token: {{ identity: mail, scope: \"{GRAPH}\", allow_host_mismatch: true }}\n"
        );
        (name.to_owned(), format!(", ca_file: {ca}"), token)
    };
    let mut text = String::new();
    for (name, ca, token) in [with("good", "ca.pem"), with("bad", "other.pem")] {
        text += &File::default().plain(&name, &url, &ca).text(world.folder());
        text += &token;
        text += "\n---ROUTE---\n";
    }
    // The two routes' own lines, put behind the file's.
    let routes: String = text
        .split("\n---ROUTE---\n")
        .filter_map(|part| {
            part.split_once("routes:\n")
                .map(|(_, routes)| format!("{routes}\n"))
        })
        .collect();
    let yaml = world.file().text(world.folder()) + &routes;
    let gateway = Gateway::start(&yaml, world.folder()).await;
    eventually("the upstream's name is resolved", async || {
        ask(&gateway, "/good/x").await.status == 200
    })
    .await;
    let request = echo.last().unwrap();
    assert!(request.secure);
    assert_eq!(request.header("host"), url.strip_prefix("https://"));
    assert!(request.header("authorization").is_some());
    let count = echo.count();
    let reply = ask(&gateway, "/bad/x").await;
    assert_eq!(
        (reply.status, reply.reason().as_str()),
        (502, "upstream_unreachable")
    );
    assert_eq!(echo.count(), count, "what is not verified gets no token");
}
