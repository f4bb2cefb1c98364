//! Token endpoints that a server's own metadata names, and what else assertions claim there.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::fake::{KeyPair, Request, Response, Running};
use http::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::{Setup, Told, is};

use super::setup;

const OPENID: &str = "/realms/orders/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/realms/orders";
const SECRET: &str = "a secret for one server alone";

/// What the server has at a path, told its own base URL; nothing: 404.
type Answer = fn(&str, &Request) -> Option<Response>;

/// An authorization server of the issuer `BASE/realms/orders`.
struct Server {
    door: Running,
    /// Target and body of each request.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    fn open(answer: Answer) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let (_, door) = Told::open(move |request: &Request| {
            let body = String::from_utf8_lossy(&request.body.kept).into_owned();
            kept.lock().unwrap().push((request.target.clone(), body));
            let base = format!("http://{}", request.header("host").unwrap());
            let none = || Response::empty(StatusCode::NOT_FOUND);
            answer(&base, request).unwrap_or_else(none)
        });
        Self { door, asked }
    }

    fn setup(&self, auth: &str, credential: &str) -> Setup {
        let issuer = format!("{}/realms/orders", self.door.base());
        let identity = format!(
            "partner: {{ oauth2: {{ issuer: '{issuer}', client_id: orders, auth: {auth}, scope: usual }}, \
             credentials: [{credential}], tokens: {{ cool_down: 1ms }} }}"
        );
        let setup = setup().file("partner.secret", SECRET);
        let setup = setup.put("/identities", &identity);
        setup.plain("partner", "url: $ECHO", "token: { identity: partner }")
    }

    /// The targets that were asked for, in order.
    fn targets(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(target, _)| target.clone()).collect()
    }

    fn told(&self) -> String {
        format!("{:?}", self.asked.lock().unwrap())
    }
}

fn token() -> Option<Response> {
    let body = json!({ "token_type": "Bearer", "access_token": "opaque-1", "expires_in": 300 });
    Some(Response::json(StatusCode::OK, &body))
}

fn metadata(issuer: &str, endpoint: &str) -> Option<Response> {
    let body = json!({ "issuer": issuer, "token_endpoint": endpoint });
    Some(Response::json(StatusCode::OK, &body))
}

fn well(base: &str, request: &Request) -> Option<Response> {
    match request.target.as_str() {
        OPENID => metadata(&format!("{base}/realms/orders"), &format!("{base}/tokens")),
        "/tokens" => token(),
        _ => None,
    }
}

const BY_SECRET: &str = "secret: { file: partner.secret }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_names_the_endpoint_and_is_read_once() {
    let server = Server::open(well);
    let setup = server.setup("post", BY_SECRET);
    let other = "token: { identity: partner, scope: orders.write }";
    let world = setup.plain("other", "url: $ECHO", other).start().await;
    for route in ["partner", "other", "partner"] {
        let reply = world.gateway.ask(&format!("/{route}/x")).await;
        assert_eq!(reply.status, 200, "{}", world.gateway.log());
        assert_eq!(world.echoed("authorization"), "Bearer opaque-1");
    }
    let mut targets = server.targets();
    targets.sort();
    assert_eq!(
        targets,
        [OPENID, "/tokens", "/tokens"],
        "two scopes, one look"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_openid_has_none_oauths_place_is_looked_at() {
    let server = Server::open(|base, request| match request.target.as_str() {
        OAUTH => metadata(&format!("{base}/realms/orders"), &format!("{base}/tokens")),
        "/tokens" => token(),
        _ => None,
    });
    let world = server.setup("basic", BY_SECRET).start().await;
    assert_eq!(world.gateway.ask("/partner/x").await.status, 200);
    assert_eq!(server.targets(), [OPENID, OAUTH, "/tokens"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_leads_elsewhere_gets_no_secret() {
    let cases: [(Answer, &str); 6] = [
        (
            |base, _| metadata(&format!("{base}/realms/others"), &format!("{base}/tokens")),
            "is the metadata of ",
        ),
        (
            |base, _| {
                metadata(
                    &format!("{base}/realms/orders"),
                    "http://127.0.0.2:9/tokens",
                )
            },
            "not https on the issuer's own host",
        ),
        (
            |base, _| {
                metadata(
                    &format!("{base}/realms/orders"),
                    "https://evil.example/tokens",
                )
            },
            "if it is right, write it as `token_url`",
        ),
        (
            |base, _| {
                let moved = Response::empty(StatusCode::FOUND);
                Some(moved.with("location", &format!("{base}/elsewhere")))
            },
            "answers status 302 instead of metadata",
        ),
        (
            |_, _| {
                Some(Response::of(
                    StatusCode::OK,
                    "text/html",
                    b"<html>MARK".to_vec(),
                ))
            },
            "is no metadata",
        ),
        (
            |_, _| {
                Some(Response::of(
                    StatusCode::OK,
                    "application/json",
                    vec![b' '; 300 * 1024],
                ))
            },
            "larger than 262144 bytes",
        ),
    ];
    for (answer, why) in cases {
        let server = Server::open(answer);
        let world = server.setup("post", BY_SECRET).start().await;
        let reply = world.gateway.ask("/partner/x").await;
        assert_eq!(reply.verdict(), is(503, "token_unavailable"), "{why}");
        let line = &world.gateway.lines(1).await[0];
        let detail = line["detail"].as_str().unwrap();
        assert!(
            detail.contains(why) && detail.contains(OPENID),
            "{why}: {detail}"
        );
        assert!(!detail.contains("MARK"), "{detail}");
        assert!(!server.told().contains("secret"), "{}", server.told());
        assert_eq!(world.contoso.echo.count(), 0);
    }
    let nothing = Server::open(|_, _| None);
    let world = nothing.setup("post", BY_SECRET).start().await;
    world.gateway.ask("/partner/x").await;
    let detail = world.gateway.lines(1).await[0]["detail"].to_string();
    assert!(
        detail.contains(OPENID) && detail.contains(OAUTH),
        "{detail}"
    );
    assert!(
        detail.contains("check `issuer`, or write `token_url`"),
        "{detail}"
    );
}

/// How many requests for tokens there were.
static MOVED: AtomicU16 = AtomicU16::new(0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_has_moved_is_looked_up_again() {
    // The first endpoint is gone by the time it is asked.
    let server = Server::open(|base, request| match request.target.as_str() {
        OPENID => {
            let endpoint = ["/gone", "/tokens"][usize::from(MOVED.load(Ordering::SeqCst) > 0)];
            metadata(
                &format!("{base}/realms/orders"),
                &format!("{base}{endpoint}"),
            )
        }
        "/gone" => {
            MOVED.fetch_add(1, Ordering::SeqCst);
            None
        }
        "/tokens" => token(),
        _ => None,
    });
    let world = server.setup("post", BY_SECRET).start().await;
    crate::support::eventually("the endpoint is found again", async || {
        world.gateway.ask("/partner/x").await.status == 200
    })
    .await;
    assert_eq!(server.targets(), [OPENID, "/gone", OPENID, "/tokens"]);
}

/// The claims of the assertion in the last form.
fn assertion(server: &Server) -> Value {
    let asked = server.asked.lock().unwrap();
    let mut form = form_urlencoded::parse(asked.last().unwrap().1.as_bytes());
    let (_, assertion) = form.find(|(name, _)| name == "client_assertion").unwrap();
    let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap());
    serde_json::from_slice(&claims.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_for_the_issuer_and_claims_what_the_file_says() {
    let pair = KeyPair::generate("orders").unwrap();
    let more = "assertion_claims: { client_ip: 203.0.113.7, level: 3, https://orders.example/strong: true, \
                groups: [a, \"7\", 7] }";
    for credential in [
        format!("private_key: {{ file: orders.key, {more} }}"),
        format!("certificate: {{ file: orders.pem, key: orders.key, {more} }}"),
    ] {
        let server = Server::open(well);
        let setup = server.setup("private_key_jwt", &credential);
        let setup = setup.file("orders.pem", pair.certificate_pem().unwrap());
        let world = setup
            .file("orders.key", pair.key_pem().unwrap())
            .start()
            .await;
        let reply = world.gateway.ask("/partner/x").await;
        assert_eq!(reply.status, 200, "{}", world.gateway.log());
        let claims = assertion(&server);
        let issuer = format!("{}/realms/orders", server.door.base());
        assert_eq!(claims["aud"], json!(issuer));
        assert_eq!(
            (&claims["iss"], &claims["sub"]),
            (&json!("orders"), &json!("orders"))
        );
        assert_eq!(claims["client_ip"], json!("203.0.113.7"));
        assert_eq!(claims["level"], json!(3));
        assert_eq!(claims["https://orders.example/strong"], json!(true));
        assert_eq!(claims["groups"], json!(["a", "7", 7]));
    }
}
