//! Interim answers (RFC 9110 §15.2): passed on to those who may have them, and `Expect`.

use crate::support::is;

use super::{OK, asked, get, world};

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_hints_come_before_the_answer_and_without_what_is_of_one_hop() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(HINTS).await;
    let head = caller.head().await.unwrap().to_ascii_lowercase();
    assert!(
        head.starts_with("http/1.1 103 early hints\r\nlink: </a.css>"),
        "{head}"
    );
    assert!(!head.contains("x-hop"), "{head}");
    // In one piece with the answer, and several.
    upstream.send(format!("{HINTS}{HINTS}{OK}")).await;
    for _ in 0..2 {
        assert!(caller.head().await.unwrap().starts_with("HTTP/1.1 103 "));
    }
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
    let lines = gateway.lines(1).await;
    assert_eq!((lines.len(), &lines[0]["status"]), (1, &200.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_http_1_0_is_told_the_final_answer_only() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    let head = upstream.head().await.unwrap().to_ascii_lowercase();
    assert!(!head.contains("expect"), "{head}");
    upstream
        .send(format!("HTTP/1.1 100 Continue\r\n\r\n{HINTS}{OK}"))
        .await;
    assert!(caller.head().await.unwrap().contains(" 200 OK\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_interim_answers_are_no_answer() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    for _ in 0..100 {
        upstream
            .send_in_vain(b"HTTP/1.1 102 Processing\r\n\r\n")
            .await;
    }
    loop {
        let reply = caller.reply().await.expect("an answer");
        if reply.status != 102 {
            assert_eq!(reply.verdict(), is(502, "upstream_failed"));
            break;
        }
    }
}

const EXPECTS: &str =
    "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_need_not_send_the_body() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, EXPECTS).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let reply = caller.reply().await.unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (417, "no"));
    assert!(caller.closed().await, "its body was never read");
    assert_eq!(upstream.rest().await, "", "nor sent on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_does_not_know_expect_gets_the_body_all_the_same() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, EXPECTS).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    assert!(caller.head().await.unwrap().starts_with("HTTP/1.1 100 "));
    caller.send("hello").await;
    upstream.until("hello").await.unwrap();
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_wait_for_100_is_not_lost() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &format!("{EXPECTS}hello")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    upstream.until("hello").await.unwrap();
    upstream.send(OK).await;
    let head = caller.head().await.unwrap();
    assert!(head.starts_with("HTTP/1.1 100 "), "{head}");
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
}
