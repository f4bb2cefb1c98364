//! Each failure of an upstream, or of a body on the way to it, has its status and its word.

use crate::support::{Origin, Setup, is};

use super::{asked, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_breaks_off_after_100_is_still_answered_for() {
    let (origin, gateway) = world("", "").await;
    let request =
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    caller.head().await.unwrap();
    drop(upstream);
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
    assert_eq!(gateway.lines(1).await[0]["status"], 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_past_the_limit_gets_413_also_when_the_caller_goes_on_sending() {
    let (origin, gateway) = world("limits: { body: 64KiB }", "").await;
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    for _ in 0..4 {
        caller.send_in_vain(chunk.as_bytes()).await;
    }
    let reply = caller.reply().await.expect("an answer");
    assert!(
        caller.closed().await && !caller.was_reset(),
        "some never see the answer"
    );
    assert_eq!(reply.verdict(), is(413, "body_too_large"));
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(
        !upstream.rest().await.ends_with("0\r\n\r\n"),
        "the upstream sees a broken body"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stops_half_way_gets_408() {
    let (origin, gateway) = world("timeouts: { body: 300ms }", "").await;
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello";
    let mut caller = asked(&gateway, request).await;
    let _upstream = origin.accept().await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(408, "body_timeout"));
    assert!(caller.closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_does_not_answer_gets_504() {
    let (origin, gateway) = world("", "timeouts: { response: 300ms }").await;
    let mut caller = asked(&gateway, &get("/")).await;
    let _upstream = origin.accept().await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(504, "upstream_timeout"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_not_there_gets_502_and_the_log_says_why() {
    let (origin, gateway) = world("", "").await;
    drop(origin);
    let reply = gateway.get("apis", "/", &[]).await;
    assert_eq!(reply.verdict(), is(502, "upstream_unreachable"));
    assert!(!reply.text().contains("127.0.0.1"), "{}", reply.text());

    let gateway = Setup::open("http://nowhere.invalid", "", "")
        .gateway()
        .await;
    let reply = gateway.get("apis", "/", &[]).await;
    assert_eq!(reply.verdict(), is(502, "upstream_unreachable"));
    let line = &gateway.lines(1).await[0];
    assert!(
        line["detail"].as_str().unwrap().contains("not resolved"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_breaks_off_in_its_body_cuts_the_caller_off() {
    // More than what is gathered for one segment.
    let long = "x".repeat(4000);
    for head in [
        format!("Content-Length: 10000\r\n\r\n{long}hello"),
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_owned(),
    ] {
        let (origin, gateway) = world("", "").await;
        let mut caller = asked(&gateway, &get("/")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(format!("HTTP/1.1 200 OK\r\n{head}")).await;
        caller.until("hello").await.unwrap();
        drop(upstream);
        let rest = caller.rest().await;
        assert!(!rest.contains("0\r\n\r\n"), "the end was made up: {rest:?}");
        let line = &gateway.lines(1).await[0];
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&200.into(), &"upstream_failed".into())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_http_gets_502() {
    for answer in [
        "nonsense\r\n\r\n",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let (origin, gateway) = world("", "").await;
        let mut caller = asked(&gateway, &get("/")).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(answer).await;
        drop(upstream);
        let reply = caller.reply().await.expect("an answer");
        let told = (reply.status, reply.reason());
        assert_eq!(
            told,
            (502, "upstream_failed".to_owned()),
            "{answer:?}: {reply:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_sends_that_is_no_http_is_not_quoted_in_the_log() {
    let origin = Origin::open().await.answering(|_| {
        "HTTP/1.1 200 OK\r\nSet-Cookie: s3cret\r\nbad header\r\n\r\ns3cret body".to_owned()
    });
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    let reply = gateway.get("apis", "/x", &[]).await;
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
    let lines = gateway.lines(1).await;
    assert!(!lines[0].to_string().contains("s3cret"), "{}", lines[0]);
    assert!(
        lines[0]["detail"].as_str().unwrap().contains("not HTTP"),
        "{}",
        lines[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_bounds_its_requests_in_time_however_busy_they_are() {
    let origin = Origin::open().await;
    let bounded =
        || Setup::open(&origin.url(), "", "").put("/routes/0/timeouts", "{ request: 2s }");
    // An upstream that says nothing.
    let gateway = bounded().gateway().await;
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(504, "upstream_timeout"));
    assert!(upstream.rest().await.starts_with("GET "));

    // A caller who sends a little again and again.
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\n";
    let mut caller = asked(&gateway, request).await;
    let _upstream = origin.accept().await;
    while !caller.has_something().await {
        caller.send_in_vain(b"a").await;
    }
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(408, "body_timeout"));

    // An upstream that does.
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        .await;
    caller.head().await.unwrap();
    while !upstream.has_something().await {
        upstream.send_in_vain(b"a").await;
    }
    assert!(caller.rest().await.len() < 100_000);
    let line = gateway.lines(3).await.pop().unwrap();
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&200.into(), &"upstream_timeout".into())
    );
}
