//! An upstream that refuses our token: another one is asked for, and the request is sent again with it where
//! that is safe. Its caller sees nothing of it, or is told that it may come again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use bearergate::fake::{Request, Response, Running};
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{API_KEY, GRAPH, Told, World, eventually, is};

use super::{claims, setup};

/// An API that takes no token of those that were revoked, and remembers what it was asked.
#[derive(Default)]
pub(super) struct Api {
    revoked: Mutex<HashSet<String>>,
    taken: Mutex<Vec<String>>,
    seen: Mutex<Vec<(String, Vec<u8>)>>,
    challenge: Mutex<String>,
}

impl Api {
    pub(super) fn open() -> (Arc<Self>, Running) {
        let api = Arc::new(Self {
            challenge: Mutex::new("Bearer error=\"invalid_token\"".to_owned()),
            ..Self::default()
        });
        let known = Arc::clone(&api);
        let (_, door) = Told::open(move |request| known.answer(request));
        (api, door)
    }

    fn answer(&self, request: &Request) -> Response {
        let token = request.header("authorization").unwrap_or_default();
        let told = format!("{} {}", request.method, request.target);
        let body = request.body.kept.clone();
        self.seen.lock().unwrap().push((told, body));
        let is_stubborn = request.path() == "/stubborn";
        if is_stubborn || self.revoked.lock().unwrap().contains(token) {
            let body = json!({ "error": { "code": "InvalidAuthenticationToken" } });
            return Response::json(StatusCode::UNAUTHORIZED, &body)
                .with("www-authenticate", &self.challenge.lock().unwrap())
                .with("request-id", "3f-11");
        }
        self.taken.lock().unwrap().push(token.to_owned());
        let status = match request.path() {
            "/forbidden" => StatusCode::FORBIDDEN,
            _ => StatusCode::OK,
        };
        Response::of(status, "text/plain", token.as_bytes().to_vec())
    }

    /// Takes none any more of those that it has taken.
    pub(super) fn revoke(&self) {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        self.revoked.lock().unwrap().extend(taken);
    }

    /// How it refuses from now on: a field of `WWW-Authenticate`.
    pub(super) fn challenge(&self, field: &str) {
        field.clone_into(&mut self.challenge.lock().unwrap());
    }

    /// What it was asked since the last time.
    pub(super) fn seen(&self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Behind a gateway that has a token already.
pub(super) async fn world() -> (Arc<Api>, World, Running) {
    let (api, door) = Api::open();
    let world = setup().fill("UPSTREAM", door.base()).start().await;
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.status, 200);
    api.seen();
    (api, world, door)
}

/// A request with this body, as an application that has a key sends it.
pub(super) fn request(method: &str, target: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(super) async fn detail(world: &World, number: usize) -> String {
    let lines = world.gateway.lines(number).await;
    lines[number - 1]["detail"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_is_sent_again_with_another_token_whatever_its_method() {
    let large = vec![b'x'; 60 * 1024];
    for (method, body) in [
        ("GET", &b""[..]),
        ("HEAD", b""),
        ("DELETE", b""),
        ("PUT", b"a"),
        ("POST", b""),
        ("POST", b"{\"a\":1}"),
        ("PATCH", &large),
    ] {
        let (api, world, _door) = world().await;
        api.revoke();
        let reply = match method {
            "HEAD" => {
                // A HEAD's answer has a length and no body.
                let mut caller = world.gateway.connect("legacy").await;
                caller.send(request(method, "/mail/x?a=b", body)).await;
                let head = caller.head().await.unwrap();
                assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                200
            }
            _ => {
                let request = request(method, "/mail/x?a=b", body);
                world.gateway.raw("legacy", request).await.status
            }
        };
        assert_eq!(reply, 200, "{method}");
        let asked = (format!("{method} /x?a=b"), body.to_vec());
        assert_eq!(api.seen(), [asked.clone(), asked], "{method}");
        assert_eq!(world.contoso.issuer.token_requests(), 2, "{method}");
        let line = &world.gateway.lines(2).await[1];
        assert_eq!(
            (&line["status"], &line["upstream_status"]),
            (&json!(200), &json!(200))
        );
        assert_eq!(line["reason"], Value::Null, "{line}");
        let series = "bearergate_upstream_repetitions_total{cause=\"refused\",route=\"mail\"}";
        assert_eq!(world.gateway.metric(series).await, Some(1.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_refused_requests_make_one_token_request() {
    let (api, world, _door) = world().await;
    api.revoke();
    let callers: Vec<_> = (0..500)
        .map(|number| {
            let request = request("POST", &format!("/mail/{number}"), b"body");
            world
                .gateway
                .apart("legacy", String::from_utf8(request).unwrap())
        })
        .collect();
    for caller in callers {
        let reply = caller.await.unwrap().expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    let seen = api.seen();
    assert!((500..=1000).contains(&seen.len()), "{}", seen.len());
    let mut times: std::collections::HashMap<_, u32> = std::collections::HashMap::new();
    seen.into_iter()
        .for_each(|asked| *times.entry(asked).or_default() += 1);
    assert_eq!(times.len(), 500);
    assert!(
        times.values().all(|times| *times <= 2),
        "none more than twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_refuses_every_token_is_502_and_makes_no_storm() {
    let (api, world, _door) = world().await;
    let mut lines = 1;
    for round in 0..20 {
        let reply = world.gateway.ask("/mail/stubborn").await;
        assert_eq!(reply.verdict(), is(502, "upstream_refused_token"));
        assert_eq!(reply.header("www-authenticate"), None);
        assert_eq!(reply.header("retry-after"), None);
        lines += 1;
        let told = detail(&world, lines).await;
        let said = "the upstream answered 401, code InvalidAuthenticationToken, error invalid_token, request-id 3f-11; ";
        let why = match round {
            0 => "so it did to the token before",
            _ => "the token was replaced a short while ago",
        };
        assert_eq!(told, format!("{said}{why}"));
        assert_eq!(api.seen().len(), if round == 0 { 2 } else { 1 });
        let line = &world.gateway.lines(lines).await[lines - 1];
        assert_eq!(line["upstream_status"], json!(401), "{line}");
    }
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.status, 200, "the token in hand stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_other_token_comes_the_answer_says_when_to_come_again() {
    #[rustfmt::skip]
    let table = [
        (429, Some("40"), 503, "token_throttled", 40..=45),
        (500, None, 503, "token_unavailable", 1..=6),
        (400, None, 503, "token_unavailable", 1..=6),
    ];
    for (fault, wait, status, reason, told) in table {
        let (api, world, _door) = world().await;
        api.revoke();
        let door = world.contoso.issuer.token_endpoint();
        door.fail_next(100, fault, wait);
        for round in 0..5 {
            let reply = world.gateway.ask("/mail/x").await;
            assert_eq!(reply.verdict(), is(status, reason), "{fault} {round}");
            let wait = reply
                .header("retry-after")
                .map(|it| it.parse::<u64>().unwrap());
            assert!(told.contains(&wait.unwrap()), "{wait:?}");
            assert_eq!(
                api.seen().len(),
                1,
                "it is not sent again with the same token"
            );
        }
        assert_eq!(
            world.contoso.issuer.token_requests(),
            2,
            "an outage is not hammered"
        );
        let told = detail(&world, 2).await;
        assert!(told.contains("; no other token came: "), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_token_come_again_is_not_tried_again() {
    let (api, door) = Api::open();
    let token =
        json!({ "token_type": "Bearer", "access_token": "always.the.same", "expires_in": 3600 });
    let (_, tokens) = Told::open(move |_| Response::json(StatusCode::OK, &token));
    let world = setup()
        .fill("UPSTREAM", door.base())
        .fill("ISSUER", tokens.base())
        .start()
        .await;
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    api.revoke();
    api.seen();
    let reply = world.gateway.ask("/mail/x").await;
    assert_eq!(reply.verdict(), is(502, "upstream_refused_token"));
    assert_eq!(api.seen().len(), 1);
    let told = detail(&world, 2).await;
    assert!(
        told.ends_with("; asked for another, the same token came"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_403_goes_on_and_its_line_has_the_roles_of_our_token() {
    let (api, world, _door) = world().await;
    let reply = world.gateway.ask("/mail/forbidden").await;
    assert_eq!((reply.status, reply.reason().as_str()), (403, ""));
    assert!(reply.text().starts_with("Bearer ey"), "its body too");
    assert_eq!(api.seen().len(), 1);
    assert_eq!(world.contoso.issuer.token_requests(), 1);
    let line = &world.gateway.lines(2).await[1];
    let roles = claims(&reply.text())["roles"].clone();
    let roles: Vec<&str> = roles
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let told = format!(
        "the upstream answered 403; our token has the roles [{}]",
        roles.join(", ")
    );
    assert!(!roles.is_empty());
    assert_eq!(line["detail"], json!(told));
    assert_eq!(
        (&line["level"], &line["reason"]),
        (&json!("INFO"), &Value::Null)
    );
    assert!(
        !world.gateway.log().contains("eyJ"),
        "and nothing else of it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_for_the_callers_own_token_is_the_callers() {
    let (api, door) = Api::open();
    let world = setup()
        .fill("UPSTREAM", door.base())
        .plain("nothing", &format!("url: {}", door.base()), "")
        .route("twice", &door.base(), "mail", GRAPH)
        .start()
        .await;
    let reply = world.gateway.ask("/nothing/stubborn").await;
    assert_eq!((reply.status, reply.reason().as_str()), (401, ""));
    assert!(reply.header("www-authenticate").is_some());
    assert_eq!(
        (api.seen().len(), world.contoso.issuer.token_requests()),
        (1, 0)
    );
    // Two routes of one identity and scope share what took its place.
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    api.revoke();
    assert_eq!(world.gateway.ask("/twice/x").await.status, 200);
    assert_eq!(world.gateway.ask("/mail/x").await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    eventually("all are told", async || {
        world.gateway.lines(4).await.len() == 4
    })
    .await;
}
