//! WebSockets: what may be switched to, what comes early, and what ends them.

use crate::support::is;

use super::{OK, asked, get, world};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
    Upgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_early_on_either_side_is_not_lost() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &format!("{REQUEST}early")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    assert!(
        !upstream.has_something().await,
        "nothing passes before the switch"
    );
    upstream.send(format!("{SWITCHED}first words")).await;
    let head = caller.head().await.unwrap().to_ascii_lowercase();
    assert!(
        head.starts_with("http/1.1 101 switching protocols\r\n"),
        "{head}"
    );
    for field in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: x",
    ] {
        assert!(head.contains(field), "{field}: {head}");
    }
    caller.until("first words").await.unwrap();
    upstream.until("early").await.unwrap();
    drop(upstream);
    assert_eq!(caller.rest().await, "");
    let line = &gateway.lines(1).await[0];
    assert_eq!(
        (&line["status"], &line["bytes_out"]),
        (&101.into(), &11.into()),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_early_and_is_not_switched_is_a_request() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &format!("{REQUEST}{}", get("/second"))).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
    assert!(upstream.head().await.unwrap().starts_with("GET /second "));
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_but_a_websocket_is_asked_for_and_nothing_else_switched_to() {
    for (request, asked_for) in [
        (REQUEST.replace("websocket", "h2c"), false),
        (
            REQUEST.replace("Upgrade: websocket", "Upgrade: websocket, h2c"),
            false,
        ),
        (REQUEST.replace("Connection: Upgrade\r\n", ""), false),
        (REQUEST.replace("HTTP/1.1", "HTTP/1.0"), false),
        (
            REQUEST
                .replace("GET", "POST")
                .replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
            false,
        ),
        (REQUEST.to_owned(), true),
    ] {
        let (origin, gateway) = world("", "").await;
        let mut caller = asked(&gateway, &request).await;
        let mut upstream = origin.accept().await;
        let head = upstream.head().await.unwrap().to_ascii_lowercase();
        assert_eq!(head.contains("upgrade"), asked_for, "{request}: {head}");
        // An upstream that switches to something else, or without being asked.
        upstream.send(SWITCHED.replace("WebSocket", "h2c")).await;
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.verdict(), is(502, "upstream_failed"), "{request}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_in_which_nobody_speaks_ends() {
    let (origin, gateway) = world("", "timeouts: { response: 2s }").await;
    let mut caller = asked(&gateway, REQUEST).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(SWITCHED).await;
    caller.head().await.unwrap();
    assert_eq!(
        (caller.rest().await, upstream.rest().await),
        (String::new(), String::new())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_of_a_tunnel_that_breaks_is_told_in_its_line() {
    for (breaks, reason) in [
        ("caller", "client_closed"),
        ("upstream", "upstream_failed"),
        ("nobody", ""),
    ] {
        let (origin, gateway) = world("", "").await;
        let mut caller = asked(&gateway, REQUEST).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(format!("{SWITCHED}hello")).await;
        caller.until("hello").await.unwrap();
        match breaks {
            "caller" => caller.reset(),
            "upstream" => upstream.reset(),
            _ => drop(caller),
        }
        let line = &gateway.lines(1).await[0];
        assert_eq!(line["status"], 101, "{line}");
        assert_eq!(line["reason"].as_str().unwrap_or_default(), reason);
        let detail = line["detail"].as_str().unwrap_or_default();
        assert_eq!(
            detail.contains("half of the tunnel broke"),
            !reason.is_empty()
        );
    }
}
