//! Tokens of authorization servers that are not Entra's: how the gateway proves itself to them, what it asks
//! for, and what it says when they refuse.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bearergate::fake::{KeyPair, Request, Response, Running};
use http::StatusCode;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Verifier;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::{Setup, Told, World, is};

use super::setup;

const SECRET: &str = "p~8Q+/=&%25 sec:ret;";

/// An authorization server that remembers what it was asked, and answers so, or with a token.
struct Server {
    door: Running,
    asked: Arc<Mutex<Vec<Request>>>,
}

type Answer = fn(&Request) -> Option<Response>;

fn token() -> Response {
    let body = json!({ "token_type": "bearer", "access_token": "opaque-1", "expires_in": 300 });
    Response::json(StatusCode::OK, &body)
}

fn refusal(status: u16, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    Response::json(StatusCode::from_u16(status).unwrap(), &body)
}

impl Server {
    fn open(answer: Answer) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let (_, door) = Told::open(move |request| {
            kept.lock().unwrap().push(request.clone());
            answer(request).unwrap_or_else(token)
        });
        Self { door, asked }
    }

    /// A gateway whose identity `partner` asks here, on the route `/partner`.
    fn setup(&self, client: &str, credentials: &str) -> Setup {
        let url = format!("{}/oauth/token", self.door.base());
        let identity = format!(
            "partner: {{ oauth2: {{ token_url: '{url}', {client} }}, credentials: [{credentials}] }}"
        );
        let setup = setup().file("partner.secret", SECRET);
        let setup = setup.put("/identities", &identity);
        setup.plain("partner", "url: $ECHO", "token: { identity: partner }")
    }

    fn last(&self) -> Request {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The form of the last request, in the order in which it was sent.
    fn form(&self) -> Vec<(String, String)> {
        let request = self.last();
        assert_eq!(request.media_type(), "application/x-www-form-urlencoded");
        let pairs = form_urlencoded::parse(&request.body.kept);
        pairs.into_owned().collect()
    }
}

/// Asks once; the form that the server got.
async fn asked(server: &Server, world: &World) -> Vec<(String, String)> {
    let reply = world.gateway.ask("/partner/x").await;
    assert_eq!(reply.status, 200, "{}", world.gateway.log());
    assert_eq!(world.echoed("authorization"), "Bearer opaque-1");
    server.form()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    expected.iter().map(owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_basic_id_and_secret_are_in_the_header_alone() {
    let server = Server::open(|_| None);
    let client = "client_id: 'urn:orders x', auth: basic, scope: orders.read orders.write, \
                  resource: 'urn:orders', audience: 'https://orders.example/', \
                  extra: { organization: 'a&b', prompt: '2' }";
    let world = server.setup(client, "secret: { file: partner.secret }");
    let form = asked(&server, &world.start().await).await;
    assert_eq!(
        form,
        pairs(&[
            ("grant_type", "client_credentials"),
            ("scope", "orders.read orders.write"),
            ("resource", "urn:orders"),
            ("audience", "https://orders.example/"),
            ("organization", "a&b"),
            ("prompt", "2"),
        ])
    );
    let request = server.last();
    assert_eq!(request.target, "/oauth/token");
    let sent = request.header("authorization").unwrap();
    let sent = STANDARD.decode(sent.strip_prefix("Basic ").unwrap());
    assert_eq!(
        String::from_utf8(sent.unwrap()).unwrap(),
        "urn%3Aorders+x:p%7E8Q%2B%2F%3D%26%2525+sec%3Aret%3B",
        "RFC 6749 §2.3.1: each as in a form"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_post_id_and_secret_are_in_the_form_alone() {
    let server = Server::open(|_| None);
    let world = server.setup(
        "client_id: orders, auth: post",
        "secret: { file: partner.secret }",
    );
    let form = asked(&server, &world.start().await).await;
    let expected = [
        ("grant_type", "client_credentials"),
        ("client_id", "orders"),
        ("client_secret", SECRET),
    ];
    assert_eq!(form, pairs(&expected), "no scope is asked for");
    assert_eq!(server.last().header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routes_own_scope_goes_before_the_identitys() {
    let server = Server::open(|_| None);
    let setup = server.setup(
        "client_id: orders, auth: post, scope: usual",
        "secret: { file: partner.secret }",
    );
    let token = "token: { identity: partner, scope: 'orders.write admin' }";
    let setup = setup.plain("other", "url: $ECHO", token);
    let world = setup.start().await;
    for (route, scope) in [("partner", "usual"), ("other", "orders.write admin")] {
        assert_eq!(world.gateway.ask(&format!("/{route}/x")).await.status, 200);
        let form = server.form();
        assert!(
            form.contains(&("scope".to_owned(), scope.to_owned())),
            "{form:?}"
        );
    }
    assert_eq!(server.count(), 2, "they are two tokens");
}

/// Header and claims of the assertion in a form, its signature verified.
fn verified(form: &[(String, String)], key: &PKey<Private>) -> (Value, Value) {
    let value = |name: &str| {
        let mut found = form.iter().filter(|(known, _)| known == name);
        let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(found.next().is_none(), "{name} twice");
        value.clone()
    };
    assert_eq!(
        value("client_assertion_type"),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert!(form.iter().all(|(name, _)| name != "client_secret"));
    let token = value("client_assertion");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let part = |at: usize| -> Value {
        let text = signed.split('.').nth(at).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let header = part(0);
    let public = PKey::public_key_from_pem(&key.public_key_to_pem().unwrap()).unwrap();
    let good = match header["alg"].as_str().unwrap() {
        "EdDSA" => Verifier::new_without_digest(&public)
            .unwrap()
            .verify_oneshot(&signature, signed.as_bytes())
            .unwrap(),
        "ES256" => {
            assert_eq!(signature.len(), 64, "R and S side by side");
            let half = |range: std::ops::Range<usize>| {
                openssl::bn::BigNum::from_slice(&signature[range]).unwrap()
            };
            let pair = EcdsaSig::from_private_components(half(0..32), half(32..64)).unwrap();
            let digest = openssl::sha::sha256(signed.as_bytes());
            pair.verify(&digest, &public.ec_key().unwrap()).unwrap()
        }
        "RS256" => Verifier::new(MessageDigest::sha256(), &public)
            .unwrap()
            .verify_oneshot(&signature, signed.as_bytes())
            .unwrap(),
        other => panic!("{other}"),
    };
    assert!(good, "the signature is not the key's");
    (header, part(1))
}

fn now() -> u64 {
    bearergate::clock::UnixTime::now().seconds()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_signed_by_a_key_of_any_kind() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let curve = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let rsa = KeyPair::generate("orders").unwrap().key().to_owned();
    let edwards = PKey::generate_ed25519().unwrap();
    for (key, algorithm) in [(rsa, "RS256"), (curve, "ES256"), (edwards, "EdDSA")] {
        let server = Server::open(|_| None);
        let credential = "private_key: { file: orders.pem, kid: k-1 }";
        let client = "client_id: orders, auth: private_key_jwt";
        let setup = server.setup(client, credential);
        let setup = setup.file("orders.pem", key.private_key_to_pem_pkcs8().unwrap());
        let form = asked(&server, &setup.start().await).await;
        let (header, claims) = verified(&form, &key);
        assert_eq!(
            header,
            json!({ "alg": algorithm, "typ": "JWT", "kid": "k-1" })
        );
        assert_eq!(claims["iss"], json!("orders"));
        assert_eq!(claims["sub"], json!("orders"));
        let url = format!("{}/oauth/token", server.door.base());
        assert_eq!(claims["aud"], json!(url));
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert!(
            life <= 300 && claims["exp"].as_u64().unwrap() > now(),
            "{claims}"
        );
        assert!(form.contains(&("client_id".to_owned(), "orders".to_owned())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assertion_is_for_the_issuer_where_that_is_said() {
    let server = Server::open(|_| None);
    let pair = KeyPair::generate("orders").unwrap();
    let client = "client_id: orders, auth: private_key_jwt, issuer: 'https://login.example'";
    for credential in [
        "private_key: { file: orders.key }",
        "certificate: { file: orders.pem, key: orders.key, assertion: RS256 }",
    ] {
        let setup = server.setup(client, credential);
        let setup = setup.file("orders.pem", pair.certificate_pem().unwrap());
        let setup = setup.file("orders.key", pair.key_pem().unwrap());
        let form = asked(&server, &setup.start().await).await;
        let (_, claims) = verified(&form, &pair.key().to_owned());
        assert_eq!(
            claims["aud"],
            json!("https://login.example"),
            "to the letter"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_one_secret_is_refused_the_next_is_tried() {
    // As Keycloak answers.
    let server = Server::open(|request| {
        let body = String::from_utf8_lossy(&request.body.kept).into_owned();
        body.contains("stale").then(|| {
            refusal(
                401,
                "unauthorized_client",
                "Invalid client or Invalid client credentials",
            )
        })
    });
    let credentials = "{ secret: { file: stale.secret } }, { secret: { file: partner.secret } }";
    let setup = server.setup("client_id: orders, auth: post", credentials);
    let world = setup.file("stale.secret", "stale").start().await;
    asked(&server, &world).await;
    assert_eq!(server.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_the_key_to_look_at_and_never_the_secret() {
    let cases: [(Answer, &str); 4] = [
        (
            |_| Some(refusal(401, "invalid_client", "no")),
            "`client_id`, `auth`",
        ),
        (
            |_| Some(refusal(400, "invalid_target", "no")),
            "`resource` and `audience`",
        ),
        (
            |_| Some(refusal(400, "invalid_scope", "no")),
            "does not know the scope",
        ),
        // The header, decoded or not, given back.
        (
            |request| {
                let sent = request.header("authorization").unwrap().to_owned();
                Some(refusal(400, "invalid_request", &sent))
            },
            "`extra`",
        ),
    ];
    for (answer, advice) in cases {
        let server = Server::open(answer);
        let setup = server.setup(
            "client_id: orders, auth: basic",
            "secret: { file: partner.secret }",
        );
        let world = setup.start().await;
        let reply = world.gateway.ask("/partner/x").await;
        assert_eq!(reply.verdict(), is(502, "token_refused"), "{advice}");
        let line = &world.gateway.lines(1).await[0];
        let detail = line["detail"].as_str().unwrap();
        assert!(detail.contains(advice), "{detail}");
        assert!(
            !detail.contains("microsoft") && !detail.contains("AADSTS"),
            "{detail}"
        );
        let told =
            reply.text() + &world.gateway.log() + &world.gateway.get_admin("/metrics").await.text();
        let sent = server.last().header("authorization").unwrap().to_owned();
        assert!(
            !told.contains(sent.strip_prefix("Basic ").unwrap()),
            "{told}"
        );
        assert!(!told.contains(SECRET));
        assert_eq!(
            world.contoso.echo.count(),
            0,
            "nothing goes on without a token"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_kind_than_bearer_is_not_sent() {
    let server = Server::open(|_| {
        let body = json!({ "token_type": "DPoP", "access_token": "bound-1", "expires_in": 300 });
        Some(Response::json(StatusCode::OK, &body))
    });
    let setup = server.setup(
        "client_id: orders, auth: basic",
        "secret: { file: partner.secret }",
    );
    let world = setup.start().await;
    let reply = world.gateway.ask("/partner/x").await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    assert_eq!(world.contoso.echo.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_scope_is_asked_for_the_pages_say_so() {
    let server = Server::open(|_| None);
    let setup = server.setup(
        "client_id: orders, auth: basic",
        "secret: { file: partner.secret }",
    );
    let world = setup.start().await;
    assert_eq!(world.gateway.ask("/partner/x").await.status, 200);
    let name = "bearergate_token_expiry_seconds{identity=\"partner\",scope=\"default\"}";
    assert!(world.gateway.metric(name).await.is_some());
}
