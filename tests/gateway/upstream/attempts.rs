//! How often a request is put to an upstream, with which token, and what may be tunnelled: a POST
//! is never sent twice, and nothing passes unseen beside a token of ours.

use crate::support::{API_KEY, Connection, Gateway, Origin, Setup, World, is};

use super::{OK, asked};

/// A route that carries our token to this upstream.
async fn with_token(origin: &Origin) -> World {
    let setup = Setup::of("carried.yaml").fill("UPSTREAM", origin.url());
    setup.start().await
}

fn authorization(head: &str) -> &str {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .unwrap()
        .1
}

/// This request on a pooled connection, its head read: the caller, the upstream, and the head. A
/// connection comes back to the pool some time after its answer has been seen, so what comes on a
/// fresh one is answered, and asked for again.
async fn on_a_pooled(
    origin: &Origin,
    gateway: &Gateway,
    (method, body): (&str, &str),
) -> (Connection, Connection, String) {
    let mut caller = asked(gateway, &request(method, body)).await;
    let mut upstream = origin.accept().await;
    loop {
        upstream.head().await.unwrap();
        upstream.until(body).await.unwrap();
        upstream.send(OK).await;
        assert_eq!(caller.reply().await.unwrap().status, 200);
        caller = asked(gateway, &request(method, body)).await;
        tokio::select! {
            head = upstream.head() => return (caller, upstream, head.unwrap()),
            fresh = origin.accept() => upstream = fresh,
        }
    }
}

fn request(method: &str, body: &str) -> String {
    format!(
        "{method} / HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: {API_KEY}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooled_connection_that_ends_costs_a_get_nothing_and_a_post_is_never_sent_twice() {
    // The body is as long as the limit: an attempt that is repeated must not count twice.
    for (method, body, again) in [
        ("GET", "", true),
        ("PUT", "0123456789", true),
        ("POST", "0123456789", false),
    ] {
        let origin = Origin::open().await;
        let world = with_token(&origin).await;
        let (mut caller, mut upstream, first) =
            on_a_pooled(&origin, &world.gateway, (method, body)).await;
        upstream.until(body).await.unwrap();
        drop(upstream);
        if again {
            let mut upstream = origin.accept().await;
            let second = upstream.head().await.unwrap();
            assert_eq!(authorization(&first), authorization(&second), "{method}");
            upstream.until(body).await.unwrap();
            upstream.send(OK).await;
            assert_eq!(caller.reply().await.unwrap().status, 200, "{method}");
        } else {
            let reply = caller.reply().await.expect("an answer");
            assert_eq!(reply.verdict(), is(502, "upstream_failed"));
            assert!(origin.is_left_alone().await, "{method} was sent again");
        }
        assert_eq!(world.contoso.issuer.token_requests(), 1, "{method}");
    }
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const UPGRADED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_passes_a_route_that_carries_nothing_of_ours() {
    let origin = Origin::open().await;
    let gateway = Setup::open(&origin.url(), "", "").gateway().await;
    let mut caller = asked(
        &gateway,
        &format!("GET / HTTP/1.1\r\nHost: a.example\r\n{UPGRADE}\r\n"),
    )
    .await;
    let mut upstream = origin.accept().await;
    let head = upstream.head().await.unwrap().to_ascii_lowercase();
    assert!(head.contains("upgrade: websocket"), "{head}");
    upstream.send(UPGRADED).await;
    let head = caller.head().await.unwrap().to_ascii_lowercase();
    assert!(
        head.starts_with("http/1.1 101 ") && head.contains("upgrade: websocket"),
        "{head}"
    );
    caller.send("ping").await;
    upstream.until("ping").await.unwrap();
    upstream.send("pong").await;
    caller.until("pong").await.unwrap();
    drop(caller);
    assert_eq!(upstream.rest().await, "");
    assert_eq!(gateway.lines(1).await[0]["status"], 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_tunnelled_beside_our_token() {
    let origin = Origin::open().await;
    let world = with_token(&origin).await;
    let request =
        format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: {API_KEY}\r\n{UPGRADE}\r\n");
    let mut caller = asked(&world.gateway, &request).await;
    let mut upstream = origin.accept().await;
    let head = upstream.head().await.unwrap().to_ascii_lowercase();
    assert!(!head.contains("upgrade"), "{head}");
    upstream.send(UPGRADED).await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
}
