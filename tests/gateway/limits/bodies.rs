//! How large: a route's own bound of bodies.

use crate::support::{Origin, Setup, is};

use super::world;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_announced_too_large_for_its_route_is_refused_before_it_comes() {
    let (origin, world) = world().await;
    let post = |target: &str, length: usize| {
        let body = "a".repeat(length);
        format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    assert_eq!(
        world.gateway.raw("apis", post("/few/a", 11)).await.status,
        200
    );
    let refused = world.gateway.raw("apis", post("/small", 11)).await;
    assert_eq!(refused.verdict(), is(413, "body_too_large"));
    assert_eq!(origin.heads().len(), 1);
    let waits =
        "POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n";
    assert_eq!(world.gateway.raw("apis", waits).await.status, 413);
    assert_eq!(origin.heads().len(), 1);
    let lines = world.gateway.lines(3).await;
    assert_eq!(
        lines[1]["detail"],
        "Content-Length is larger than the route's limits.body"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_in_chunks_is_cut_off_where_it_becomes_too_large() {
    let origin = Origin::open().await;
    let gateway = Setup::of("limits.yaml")
        .fill("UPSTREAM", origin.url())
        .gateway()
        .await;
    let mut caller = gateway.connect("apis").await;
    caller
        .send("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    let mut upstream = origin.accept().await;
    upstream.until("hello").await.unwrap();
    caller.send("5\r\nworld\r\n1\r\n!\r\n0\r\n\r\n").await;
    let reply = caller.reply().await.unwrap();
    assert_eq!(reply.verdict(), is(413, "body_too_large"));
    assert!(
        !upstream.rest().await.contains("0\r\n\r\n"),
        "it must not look complete"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_just_that_size_goes_on() {
    let (origin, world) = world().await;
    let whole = "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhelloworld";
    assert_eq!(world.gateway.raw("apis", whole).await.status, 200);
    assert_eq!(origin.heads().len(), 1);
}
