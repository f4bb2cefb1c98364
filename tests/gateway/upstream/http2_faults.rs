//! Each way in which an upstream fails by HTTP/2: the right status, no hang, and nothing sent twice
//! that may have been looked at.

use h2::Reason;
use http::Response;

use crate::support::{Connection, Gateway, Http2Connection, Http2Origin, Reply, Setup, is};

use super::{asked, get};

const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
const PUT: &str = "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";

async fn world(more: &str) -> (Http2Origin, Gateway) {
    let origin = Http2Origin::open().await;
    let setup = Setup::open(&origin.url(), "", "{ protocol: h2c }");
    let gateway = setup.put("/routes/0/upstream", more).gateway().await;
    (origin, gateway)
}

/// A world whose connection has served.
async fn used(more: &str) -> (Http2Origin, Gateway, Http2Connection) {
    let (origin, gateway) = world(more).await;
    let call = gateway.apart("apis", get("/first"));
    let mut upstream = origin.accept().await;
    upstream.asked().await.say(200, "first");
    assert_eq!(call.await.unwrap().unwrap().text(), "first");
    (origin, gateway, upstream)
}

async fn reply(mut caller: Connection) -> Reply {
    caller.reply().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_unseen_is_sent_again_whatever_it_is() {
    for request in [GET, PUT, POST] {
        let (_origin, gateway, mut upstream) = used("").await;
        let caller = asked(&gateway, request).await;
        upstream.asked().await.reset(Reason::REFUSED_STREAM);
        let mut again = upstream.asked().await;
        let (body, _) = again.read().await;
        assert_eq!(body == b"hello", request != GET);
        again.say(200, "ok");
        assert_eq!(reply(caller).await.text(), "ok", "{request}");
    }
    // Not for ever.
    let (origin, gateway, mut upstream) = used("").await;
    let caller = asked(&gateway, GET).await;
    for _ in 0..3 {
        upstream.asked().await.reset(Reason::REFUSED_STREAM);
    }
    assert_eq!(reply(caller).await.verdict(), is(502, "upstream_failed"));
    assert!(upstream.is_left_alone() && origin.is_left_alone().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_longer_there_is_not_sent_again() {
    let (_origin, gateway, mut upstream) = used("").await;
    let large = "x".repeat(100_000);
    let request = format!(
        "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n{large}",
        large.len()
    );
    let caller = asked(&gateway, &request).await;
    let mut first = upstream.asked().await;
    assert_eq!(first.read().await.0.len(), large.len());
    first.reset(Reason::REFUSED_STREAM);
    assert_eq!(reply(caller).await.verdict(), is(502, "upstream_failed"));
    assert!(upstream.is_left_alone());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_reset_otherwise_is_not_sent_again() {
    for reason in [
        Reason::INTERNAL_ERROR,
        Reason::CANCEL,
        Reason::ENHANCE_YOUR_CALM,
        Reason::NO_ERROR,
    ] {
        for request in [GET, POST] {
            let (origin, gateway, mut upstream) = used("").await;
            let caller = asked(&gateway, request).await;
            upstream.asked().await.reset(reason);
            assert_eq!(
                reply(caller).await.verdict(),
                is(502, "upstream_failed"),
                "{reason:?}"
            );
            assert!(upstream.is_left_alone() && origin.is_left_alone().await);
            let line = gateway.lines(2).await.pop().unwrap();
            let detail = line["detail"].as_str().unwrap();
            assert!(
                detail.contains(&format!("reset the request: {reason:?}")),
                "{detail}"
            );
            // The others' connection is none the worse.
            let call = gateway.apart("apis", get("/next"));
            upstream.asked().await.say(200, "next");
            assert_eq!(call.await.unwrap().unwrap().text(), "next");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_ends_without_a_word_costs_what_may_be_repeated_nothing() {
    for (request, again) in [(GET, true), (PUT, true), (POST, false)] {
        for how in ["drop", "goaway"] {
            let (origin, gateway, mut upstream) = used("").await;
            let caller = asked(&gateway, request).await;
            let _held = upstream.asked().await;
            match how {
                "drop" => upstream.drop_it().await,
                _ => upstream.break_off(Reason::NO_ERROR).await,
            }
            if again {
                let mut upstream = origin.accept().await;
                upstream.asked().await.say(200, "again");
                assert_eq!(reply(caller).await.text(), "again", "{request}");
            } else {
                assert_eq!(
                    reply(caller).await.verdict(),
                    is(502, "upstream_failed"),
                    "{how}"
                );
                assert!(origin.is_left_alone().await);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_connection_that_fails_is_told() {
    for request in [GET, POST] {
        let (origin, gateway) = world("").await;
        let caller = asked(&gateway, request).await;
        let mut upstream = origin.accept().await;
        let _held = upstream.asked().await;
        upstream.drop_it().await;
        assert_eq!(reply(caller).await.verdict(), is(502, "upstream_failed"));
        assert!(origin.is_left_alone().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_cuts_its_caller_off_and_nobody_else() {
    for how in ["reset", "drop", "goaway", "late", "short"] {
        let (_origin, gateway, mut upstream) = used("timeouts: { response: 2s }").await;
        let mut caller = asked(&gateway, GET).await;
        let mut first = upstream.asked().await;
        let head = match how {
            "short" => Response::builder().header("content-length", "10"),
            _ => Response::builder(),
        };
        let mut stream = first.begin(head);
        stream.send_data("hello".into(), false).unwrap();
        caller.until("hello").await.unwrap();
        let reason = match how {
            "late" => "upstream_timeout",
            _ => "upstream_failed",
        };
        match how {
            "reset" => stream.send_reset(Reason::INTERNAL_ERROR),
            "drop" => upstream.drop_it().await,
            "goaway" => upstream.break_off(Reason::INTERNAL_ERROR).await,
            "short" => stream.send_data("".into(), true).unwrap(),
            _ => {}
        }
        let rest = caller.rest().await;
        assert!(
            !rest.contains("0\r\n\r\n"),
            "{how}: the end was made up: {rest:?}"
        );
        let line = gateway.lines(2).await.pop().unwrap();
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&200.into(), &reason.into()),
            "{how}"
        );
        if ["reset", "late", "short"].contains(&how) {
            let call = gateway.apart("apis", get("/next"));
            upstream.asked().await.say(200, "next");
            assert_eq!(call.await.unwrap().unwrap().text(), "next", "{how}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_504_and_a_connection_that_says_nothing_at_all_is_given_to_nobody_else() {
    let (origin, gateway, mut upstream) = used("timeouts: { response: 2s }").await;
    let caller = asked(&gateway, GET).await;
    let _held = upstream.asked().await;
    assert_eq!(reply(caller).await.verdict(), is(504, "upstream_timeout"));
    let call = gateway.apart("apis", get("/next"));
    let mut other = origin.accept().await;
    other.asked().await.say(200, "next");
    assert_eq!(call.await.unwrap().unwrap().text(), "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_end_of_the_request_is_whole_whatever_follows() {
    let (_origin, gateway, mut upstream) = used("").await;
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\nhello";
    let mut caller = asked(&gateway, request).await;
    let mut first = upstream.asked().await;
    let mut stream = first.begin(Response::builder().status(413));
    stream.send_data("too much".into(), true).unwrap();
    // The codec resets the rest of the request, which is not wanted (RFC 9113 §8.1).
    drop((first, stream));
    let reply = caller.reply().await.unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (413, "too much"));
    let line = gateway.lines(2).await.pop().unwrap();
    assert_eq!(line["reason"], serde_json::Value::Null, "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_ends_its_request_alone() {
    let (_origin, gateway, mut upstream) = used("").await;
    let caller = asked(&gateway, GET).await;
    let mut left = upstream.asked().await;
    drop(caller);
    let why = std::future::poll_fn(|cx| left.answer.poll_reset(cx)).await;
    assert_eq!(why.unwrap(), Reason::CANCEL);
    let mut caller = asked(&gateway, POST.replace("5", "9").as_str()).await;
    let mut broken = upstream.asked().await;
    assert_eq!(broken.piece().await, b"hello");
    caller.send("x").await;
    drop(caller);
    // A body that is not whole does not look like one.
    let ended = async { while let Some(Ok(_)) = broken.body.data().await {} };
    tokio::time::timeout(crate::support::PATIENCE, ended)
        .await
        .unwrap();
    assert!(!broken.body.is_end_stream());
    let call = gateway.apart("apis", get("/next"));
    upstream.asked().await.say(200, "next");
    assert_eq!(call.await.unwrap().unwrap().text(), "next");
}
