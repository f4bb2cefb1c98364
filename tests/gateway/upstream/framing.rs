//! Answers whose end can be read in two ways, and connections on which more comes than was asked
//! for: nobody gets another's bytes.

use crate::support::{Setup, is};

use super::{OK, asked, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_can_be_read_in_two_ways_get_502() {
    #[rustfmt::skip]
    let table = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        "HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "ICY 200 OK\r\n\r\n",
    ];
    for answer in table {
        let (origin, gateway) = world("", "").await;
        let mut caller = asked(&gateway, &get("/")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(answer).await;
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.verdict(), is(502, "upstream_failed"), "{answer:?}");
        let detail = gateway.lines(1).await[0]["detail"].to_string();
        assert!(detail.contains("not HTTP"), "{answer:?}: {detail}");
        assert_eq!(upstream.rest().await, "", "its connection is not kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_that_can_be_read_in_two_ways_break_the_answer_off() {
    for chunks in [
        "2\nok\r\n0\r\n\r\n",
        "2\r\nokX\r\n0\r\n\r\n",
        "+2\r\nok\r\n0\r\n\r\n",
        "2 \r\nok\r\n0\r\n\r\n",
        "2\r\nok\n0\r\n\r\n",
        "0x2\r\nok\r\n0\r\n\r\n",
        "2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n",
        "11111111111111112\r\nok\r\n0\r\n\r\n",
    ] {
        let (origin, gateway) = world("", "").await;
        let request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
        let mut caller = asked(&gateway, request).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        upstream.send(chunks).await;
        let rest = caller.rest().await;
        assert!(!rest.ends_with("0\r\n\r\n"), "{chunks:?}: {rest}");
        let line = &gateway.lines(1).await[0];
        assert_eq!(line["reason"], "upstream_failed", "{chunks:?}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asked_for_is_nobodys_answer() {
    let stray = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    // In one piece with the answer; behind a body of chunks; after a HEAD; later.
    for (method, answer, later) in [
        ("GET", format!("{OK}{stray}"), ""),
        (
            "GET",
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{stray}"
            ),
            "",
        ),
        (
            "HEAD",
            format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{stray}"),
            "",
        ),
        (
            "GET",
            format!("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n{stray}"),
            "",
        ),
        ("GET", OK.to_owned(), stray),
    ] {
        let (origin, gateway) = world("", "").await;
        let request = format!("{method} / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let mut caller = asked(&gateway, &request).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(&answer).await;
        assert!(caller.head().await.unwrap().starts_with("HTTP/1.1 "));
        upstream.send(later).await;
        // What was sent before another's request has been seen before that is answered.
        assert_eq!(gateway.get("apis", "/..", &[]).await.status, 400);
        let mut other = asked(&gateway, &get("/other")).await;
        let mut fresh = origin.accept().await;
        assert!(fresh.head().await.unwrap().starts_with("GET /other "));
        fresh.send(OK).await;
        assert_eq!(other.reply().await.unwrap().text(), "ok", "{answer:?}");
        assert_eq!(upstream.rest().await, "", "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_upstream_has_closed_is_not_used_for_a_post() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
    drop(upstream);
    // That it is gone has been seen before another's request is answered.
    assert_eq!(gateway.get("apis", "/..", &[]).await.status, 400);
    let post = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
    let mut caller = asked(&gateway, post).await;
    let mut upstream = origin.accept().await;
    upstream.until("hello").await.unwrap();
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_answer_that_breaks_off_still_leaves() {
    for head in [
        "Content-Length: 100\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n64\r\nhello",
    ] {
        let origin = crate::support::Origin::open().await;
        let gateway = Setup::open(&origin.url(), "", "").gateway().await;
        let mut caller = asked(&gateway, &get("/")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(format!("HTTP/1.1 200 OK\r\n{head}")).await;
        drop(upstream);
        let rest = caller.rest().await;
        assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{head:?}: {rest}");
        assert!(
            rest.contains("hello") && !rest.ends_with("0\r\n\r\n"),
            "{head:?}: {rest}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_only_its_end_would_bound_is_reset_when_it_breaks_off() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, "GET / HTTP/1.0\r\n\r\n").await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await;
    caller.until("hello").await.unwrap();
    drop(upstream);
    assert!(caller.is_cut_off().await, "it looks like a good answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requests_coding_goes_on_in_the_one_spelling_that_all_know() {
    for method in ["GET", "POST"] {
        let (origin, gateway) = world("", "").await;
        let request = format!(
            "{method} / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: CHUNKED\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n"
        );
        let mut caller = asked(&gateway, &request).await;
        let mut upstream = origin.accept().await;
        let head = upstream.head().await.unwrap();
        assert!(
            head.contains("\r\nTransfer-Encoding: chunked\r\n"),
            "{head}"
        );
        upstream.until("5\r\nhello\r\n0\r\n\r\n").await.unwrap();
        upstream.send(OK).await;
        assert_eq!(caller.reply().await.unwrap().text(), "ok", "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_says_of_its_connection_stays_between_the_two() {
    let (origin, gateway) = world("", "").await;
    let request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-Hop\r\n\
        X-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: Basic eDp5\r\nProxy-Connection: a\r\n\
        HTTP2-Settings: AAMAAABk\r\nTE: gzip\r\nUpgrade: h2c\r\nX-End: 1\r\n\r\n";
    let _caller = asked(&gateway, request).await;
    let head = origin
        .accept()
        .await
        .head()
        .await
        .unwrap()
        .to_ascii_lowercase();
    assert!(head.contains("\r\nx-end: 1\r\n"), "{head}");
    for name in [
        "connection",
        "x-hop",
        "keep-alive",
        "proxy-",
        "http2-",
        "te:",
        "upgrade",
    ] {
        assert!(!head.contains(&format!("\r\n{name}")), "{name}: {head}");
    }
}
