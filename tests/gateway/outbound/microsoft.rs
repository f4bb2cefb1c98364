//! Microsoft's own hosts, which the gateway reaches through a proxy: a region's endpoint, and whether a host is
//! one of Entra's.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::fake::{Contoso, KeyPair, Request, Response, Running};
use http::StatusCode;
use openssl::ssl::{SslAcceptor, SslMethod};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::support::{GRAPH, Setup, Told, is, self_signed};

use super::setup;

const REGIONAL: &str = "westeurope.login.microsoft.com";
const CENTRAL: &str = "login.microsoftonline.com";
const TOKEN: &str = r#"{"token_type":"Bearer","access_token":"opaque-1","expires_in":3599}"#;

#[derive(Clone, Debug)]
struct Asked {
    /// What a tunnel was wanted to.
    host: String,
    target: String,
    body: String,
}

/// A proxy whose every tunnel ends at itself, with a certificate for Microsoft's names.
struct Cloud {
    proxy: String,
    ca_pem: Vec<u8>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Answer = fn(&Asked) -> (u16, &'static str);

impl Cloud {
    fn open(answer: Answer) -> Self {
        let (certificate, key) = self_signed(&[REGIONAL, CENTRAL]);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        acceptor.set_private_key(&key).unwrap();
        let acceptor = acceptor.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
                std::thread::spawn(move || {
                    let connect = message(&mut socket).0;
                    let host = connect
                        .split([' ', ':'])
                        .nth(1)
                        .unwrap_or_default()
                        .to_owned();
                    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                    let mut stream = acceptor.accept(socket).ok()?;
                    let (head, body) = message(&mut stream);
                    let target = head.split(' ').nth(1)?.to_owned();
                    let asked = Asked { host, target, body };
                    let (status, body) = answer(&asked);
                    kept.lock().unwrap().push(asked);
                    let length = body.len();
                    let head = format!(
                        "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
                    );
                    stream.write_all((head + body).as_bytes()).ok()?;
                    stream.shutdown().ok()
                });
            }
        });
        Self {
            proxy,
            ca_pem: certificate.to_pem().unwrap(),
            asked,
        }
    }

    /// A gateway that goes through it, with an application's identity `cloud`.
    fn setup(&self, more: &str, credential: &str) -> Setup {
        let identity = format!(
            "cloud: {{ entra: {{ tenant: $MAIL_TENANT, client_id: $MAIL_CLIENT, {more} }}, \
             credentials: [{credential}], tokens: {{ cool_down: 1ms }} }}"
        );
        let setup = setup().file("cloud.pem", &self.ca_pem);
        let fetch = format!("proxy: \"{}\"\nca_file: cloud.pem", self.proxy);
        let setup = setup.put("/fetch", &fetch).put("/identities", &identity);
        setup.route("cloud", "$ECHO", "cloud", GRAPH)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A head, and as much of a body as it announces.
fn message(stream: &mut impl Read) -> (String, String) {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return (head.to_owned(), body.to_owned());
            }
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
            _ => return (text, String::new()),
        }
    }
}

fn path(version: &str) -> String {
    format!("/{}/{version}", Contoso::MAIL_TENANT)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_is_asked_with_an_assertion_for_the_cloud() {
    let cloud = Cloud::open(|_| (200, TOKEN));
    let pair = KeyPair::generate("mail").unwrap();
    let credential = "certificate: { file: mail.pem, key: mail.key }";
    let setup = cloud.setup("region: westeurope", credential);
    let setup = setup.file("mail.pem", pair.certificate_pem().unwrap());
    let world = setup
        .file("mail.key", pair.key_pem().unwrap())
        .start()
        .await;
    let reply = world.gateway.ask("/cloud/x").await;
    assert_eq!(reply.status, 200, "{}", world.gateway.log());
    let asked = &cloud.asked()[..];
    let [one] = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (one.host.as_str(), one.target.as_str()),
        (REGIONAL, &*path("oauth2/v2.0/token"))
    );
    let mut form = form_urlencoded::parse(one.body.as_bytes());
    let (_, assertion) = form.find(|(name, _)| name == "client_assertion").unwrap();
    let claims = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    let audience = format!("https://{CENTRAL}{}", path("oauth2/v2.0/token"));
    assert_eq!(claims["aud"], json!(audience));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_fails_is_not_left_for_another_place() {
    let cases: [(Answer, _, &str); 2] = [
        (|_| (503, "{}"), is(503, "token_unavailable"), "status 503"),
        (
            |_| {
                (
                    400,
                    r#"{"error":"invalid_request","error_codes":[100007],"error_description":"AADSTS100007: x"}"#,
                )
            },
            is(502, "token_refused"),
            "leave `region` out",
        ),
    ];
    for (answer, verdict, why) in cases {
        let cloud = Cloud::open(answer);
        let setup = cloud.setup("region: westeurope", "secret: { file: mail.secret }");
        let world = setup.start().await;
        assert_eq!(world.gateway.ask("/cloud/x").await.verdict(), verdict);
        let detail = world.gateway.lines(1).await[0]["detail"].to_string();
        assert!(detail.contains(why), "{detail}");
        assert!(
            cloud.asked().iter().all(|one| one.host == REGIONAL),
            "{:?}",
            cloud.asked()
        );
    }
}

/// An authority of one's own, which gives everybody a token, and what an identity says of it.
fn own() -> (Arc<Told<impl Fn(&Request) -> Response>>, Running, String) {
    let token: Value = serde_json::from_str(TOKEN).unwrap();
    let (told, door) = Told::open(move |_: &Request| Response::json(StatusCode::OK, &token));
    let more = format!("authority: '{}', instance_discovery: true", door.base());
    (told, door, more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microsoft_is_asked_once_whether_it_knows_a_host() {
    let cloud = Cloud::open(|_| (200, r#"{"tenant_discovery_endpoint":"https://x"}"#));
    let (own, door, more) = own();
    let setup = cloud.setup(&more, "secret: { file: mail.secret }");
    let exchange = "https://outlook.office365.com/.default";
    let world = setup
        .route("other", "$ECHO", "cloud", exchange)
        .start()
        .await;
    for route in ["cloud", "other", "cloud"] {
        let reply = world.gateway.ask(&format!("/{route}/x")).await;
        assert_eq!(reply.status, 200, "{}", world.gateway.log());
    }
    assert_eq!(own.count(), 2);
    let asked = &cloud.asked()[..];
    let [one] = asked else {
        panic!("{asked:?}");
    };
    assert_eq!(one.host, CENTRAL);
    let (place, query) = one.target.split_once('?').unwrap();
    assert_eq!(place, "/common/discovery/instance");
    let query: Vec<_> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let authorize = format!("{}{}", door.base(), path("oauth2/v2.0/authorize"));
    let expected = [
        ("api-version", "1.1"),
        ("authorization_endpoint", &authorize),
    ];
    assert_eq!(
        query,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_microsoft_does_not_vouch_for_gets_no_secret() {
    let cases: [(Answer, _, &str); 3] = [
        (
            |_| {
                (
                    400,
                    r#"{"error":"invalid_instance","error_description":"AADSTS50049: x"}"#,
                )
            },
            is(502, "token_refused"),
            "does not know the host of `authority`",
        ),
        (
            |_| (503, "{}"),
            is(503, "token_unavailable"),
            "answers status 503",
        ),
        (
            |_| (200, "{}"),
            is(503, "token_unavailable"),
            "does not say whether it knows the host",
        ),
    ];
    for (answer, verdict, why) in cases {
        let cloud = Cloud::open(answer);
        let (own, _door, more) = own();
        let setup = cloud.setup(&more, "secret: { file: mail.secret }");
        let world = setup.start().await;
        assert_eq!(world.gateway.ask("/cloud/x").await.verdict(), verdict);
        let detail = world.gateway.lines(1).await[0]["detail"].to_string();
        assert!(detail.contains(why), "{detail}");
        assert_eq!(own.count(), 0);
        assert_eq!(world.contoso.echo.count(), 0);
    }
}
