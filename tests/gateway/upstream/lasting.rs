//! What lasts: events that are sent as they happen, and what ends with its caller's token or with the
//! process.

use std::time::Duration;

use bearergate::clock::UnixTime;

use crate::support::{Connection, Gateway, Origin, Setup, World};

use super::{asked, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_reaches_its_reader_before_the_next_is_sent() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &get("/events")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    upstream.send(head).await;
    let head = caller.head().await.unwrap().to_ascii_lowercase();
    assert!(head.contains("text/event-stream"), "{head}");
    for number in 0..5 {
        let event = format!("data: {number}\n\n");
        upstream
            .send(format!("{:x}\r\n{event}\r\n", event.len()))
            .await;
        caller.until(&event).await.unwrap();
    }
    upstream.send("0\r\n\r\n").await;
    caller.until("0\r\n\r\n").await.unwrap();
}

const WISH: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A route whose callers bring tokens of the tenant, which end with them or do not.
async fn guarded(origin: &Origin, ends: bool) -> World {
    let mut setup = Setup::of("calc.yaml").put("/issuers/contoso", "leeway: 0s");
    setup.set(
        "/routes",
        &format!(
            "[{{ id: calc, listener: apis, match: {{ path: /** }}, end_with_token: {ends}, \
             callers: [{{ bearer: {{ issuer: contoso, audiences: [$CALC_API], \
             any_valid_token: true }} }}], \
             upstream: {{ url: {} }} }}]",
            origin.url()
        ),
    );
    setup.ready().await
}

async fn with_token(world: &World, seconds: u64, more: &str) -> Connection {
    let ends = UnixTime::now().plus(Duration::from_secs(seconds));
    let token = world.token().expires_at(ends).mint();
    let request =
        format!("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {token}\r\n{more}\r\n");
    asked(&world.gateway, &request).await
}

/// A whole frame of text, as a server sends it.
fn text(words: &str) -> Vec<u8> {
    let mut frame = vec![0x81, u8::try_from(words.len()).unwrap()];
    frame.extend(words.bytes());
    frame
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_ends_with_its_callers_token_where_the_route_says_so() {
    let origin = Origin::open().await;
    let world = guarded(&origin, true).await;
    let mut caller = with_token(&world, 5, WISH).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(SWITCHED).await;
    caller.head().await.unwrap();
    // In the middle of a frame nothing is said.
    let frame = text("hello");
    upstream.send(&frame[..4]).await;
    caller.until("he").await.unwrap();
    assert!(!caller.has_something().await);
    let heard = upstream.until("token").await;
    assert!(heard.is_none(), "masked, so not to be read: {heard:?}");
    drop(upstream);
    let line = &world.gateway.lines(1).await[0];
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&101.into(), &"token_expired".into())
    );

    let mut caller = with_token(&world, 5, WISH).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(SWITCHED).await;
    caller.head().await.unwrap();
    upstream.send(text("hello")).await;
    caller.until("hello").await.unwrap();
    let goodbye = caller.rest().await;
    assert!(goodbye.ends_with("token_expired"), "{goodbye:?}");
    // A masked frame of 2 + 4 + 15 bytes.
    assert!(!upstream.rest().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_callers_token_too_and_elsewhere_neither_does() {
    let origin = Origin::open().await;
    let world = guarded(&origin, true).await;
    let mut caller = with_token(&world, 5, "").await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    caller.until("hello").await.unwrap();
    assert!(!caller.rest().await.contains("0\r\n\r\n"));
    let line = &world.gateway.lines(1).await[0];
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&200.into(), &"token_expired".into())
    );

    let world = guarded(&origin, false).await;
    let mut caller = with_token(&world, 4, "").await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    caller.until("hello").await.unwrap();
    tokio::time::sleep(Duration::from_millis(4500)).await;
    upstream.send("0\r\n\r\n").await;
    caller.until("0\r\n\r\n").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_is_told_when_the_process_ends() {
    let (origin, mut gateway): (Origin, Gateway) = world("", "").await;
    let request = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{WISH}\r\n");
    let mut caller = asked(&gateway, &request).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(SWITCHED).await;
    caller.head().await.unwrap();
    let reading = tokio::spawn(async move { caller.rest().await });
    assert_eq!(gateway.drain().await, 0);
    let goodbye = reading.await.unwrap();
    assert!(goodbye.ends_with("going away"), "{goodbye:?}");
}
