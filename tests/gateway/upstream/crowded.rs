//! No more requests are with an upstream than its limit, and room is made by whatever ends.

use super::{asked, before, get, world};
use crate::support::{Connection, Gateway, Origin, eventually, is};

/// A request that the upstream has and does not answer yet.
async fn held(gateway: &Gateway, origin: &Origin) -> (Connection, Connection) {
    let caller = asked(gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    (caller, upstream)
}

async fn is_refused(gateway: &Gateway) {
    let reply = gateway.get("apis", "/", &[]).await;
    assert_eq!(reply.verdict(), is(503, "upstream_crowded"));
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_too_many_is_told_to_come_again_and_not_sent() {
    let (origin, gateway) = world("", "limits: { requests: 2 }").await;
    let (mut caller, mut upstream) = held(&gateway, &origin).await;
    let _other = held(&gateway, &origin).await;
    for _ in 0..3 {
        is_refused(&gateway).await;
    }
    assert!(origin.is_left_alone().await, "it was sent all the same");
    let line = &gateway.lines(3).await[0];
    let detail = "2 requests are with the upstream already (`upstream.limits.requests`)";
    assert_eq!(line["detail"], detail);
    // For as long as the answer lasts.
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        .await;
    caller.until("\r\n\r\na").await.unwrap();
    is_refused(&gateway).await;
    upstream.send("b").await;
    caller.until("b").await.unwrap();
    caller.send(get("/")).await;
    tokio::select! {
        head = upstream.head() => assert!(head.is_some()),
        mut fresh = origin.accept() => assert!(fresh.head().await.is_some()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_leave_and_upstreams_that_fail_make_room() {
    let (origin, gateway) = world("", "limits: { requests: 1 }").await;
    for how in 0..3 {
        let mut pair = None;
        // Room is made some time after its end was seen.
        eventually("there is room", async || {
            let mut caller = asked(&gateway, &get("/")).await;
            tokio::select! {
                mut upstream = origin.accept() => {
                    upstream.head().await.unwrap();
                    pair = Some((caller, upstream));
                    true
                }
                _ = caller.reply() => false,
            }
        })
        .await;
        let (caller, mut upstream) = pair.unwrap();
        is_refused(&gateway).await;
        match how {
            0 => drop(caller),
            1 => drop(upstream),
            _ => upstream.send("nonsense\r\n\r\n").await,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_is_a_request_for_as_long_as_it_is_open() {
    let (origin, gateway) = world("", "limits: { requests: 1 }").await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let request = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{upgrade}\r\n");
    let mut caller = asked(&gateway, &request).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send(format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n"))
        .await;
    caller.head().await.unwrap();
    is_refused(&gateway).await;
    drop((caller, upstream));
    let _served = origin.answering(|_| super::OK.to_owned());
    eventually("there is room", async || {
        gateway.get("apis", "/", &[]).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_of_all_places_together() {
    let (one, other) = (Origin::open().await, Origin::open().await);
    let urls = [one.url(), other.url()];
    let gateway = before(&urls, "limits: { requests: 2 }").gateway().await;
    let _first = held(&gateway, &one).await;
    let _second = held(&gateway, &other).await;
    is_refused(&gateway).await;
}
