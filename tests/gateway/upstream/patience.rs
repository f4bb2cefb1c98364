//! How long is a caller waited for, and worked for? A body has a least rate, and who is gone has no
//! request that only reads.

use std::time::{Duration, Instant};

use crate::support::{PATIENCE, eventually, is};

use super::{OK, asked, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_dribbles_for_ever_gets_408() {
    for (framing, first) in [
        ("Content-Length: 100000", "hello"),
        ("Transfer-Encoding: chunked", "186A0\r\nhello"),
    ] {
        let listener = "{ limits: { body_rate: 1KiB }, timeouts: { body: 500ms } }";
        let (origin, gateway) = world(listener, "").await;
        let request = format!("POST / HTTP/1.1\r\nHost: a.example\r\n{framing}\r\n\r\n{first}");
        let mut caller = asked(&gateway, &request).await;
        let _upstream = origin.accept().await;
        let start = Instant::now();
        // Never silent for as long as `timeouts.body`.
        while !caller.has_something().await {
            assert!(start.elapsed() < PATIENCE, "it goes on");
            caller.send_in_vain(b"a").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.verdict(), is(408, "body_timeout"), "{framing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_that_keeps_its_rate_and_one_that_the_upstream_takes_slowly_go_on() {
    let listener = "{ limits: { body_rate: 100B }, timeouts: { body: 2s } }";
    let (origin, gateway) = world(listener, "").await;
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\n";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    // Longer than that in all, and never silent for nearly as long.
    for _ in 0..10 {
        caller.send("a".repeat(100)).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    upstream.head().await.unwrap();
    // The whole of it has come; what the upstream takes to answer is not the caller's time.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_ends_a_get_at_once_and_a_post_is_answered_for() {
    for (request, ends) in [
        (get("/"), true),
        (get("/").replacen("GET", "HEAD", 1), true),
        (
            get("/")
                .replacen("GET", "POST", 1)
                .replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
            false,
        ),
    ] {
        let (origin, gateway) = world("", "").await;
        let caller = asked(&gateway, &request).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        drop(caller);
        if ends {
            assert_eq!(upstream.rest().await, "", "the upstream is let go");
            let line = &gateway.lines(1).await[0];
            assert_eq!(line["reason"], "client_closed", "{request}");
        } else {
            tokio::time::sleep(Duration::from_millis(200)).await;
            upstream.send(OK).await;
            let line = &gateway.lines(1).await[0];
            assert_eq!(line["upstream_status"], 200, "what it did is told");
        }
        let open = "bearergate_connections{listener=\"apis\"}";
        eventually("its place is free", async || {
            gateway.metric(open).await == Some(0.0)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_to_an_unfinished_upload_says_that_its_connection_ends() {
    let (origin, gateway) = world("", "").await;
    for (body, close) in [("hello", Some("close")), ("helloworld", None)] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\n{body}");
        let mut caller = asked(&gateway, &request).await;
        let mut upstream = origin.accept().await;
        upstream.until(body).await.unwrap();
        upstream.send(OK).await;
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("connection"), close, "{body}");
        if close.is_some() {
            assert!(caller.closed().await && !caller.was_reset());
        }
    }
}
