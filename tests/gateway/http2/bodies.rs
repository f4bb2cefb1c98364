//! Bodies: their lengths, their bounds in size and time, both ways.

use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;

use super::{ANSWER, before, get, head};
use crate::support::{Frame, Frames, Origin, client, send, whole};

fn post(path: &str) -> http::request::Builder {
    Request::post(format!("http://a.example{path}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_length_that_is_not_the_one_of_its_bytes_breaks_both_ways() {
    for (what, pieces) in [
        ("too little", &[&b"1234"[..]][..]),
        ("too much", &[b"123456"]),
        ("too much in the end", &[b"1234", b"56"]),
    ] {
        let origin = Origin::open().await;
        let gateway = before(&origin.url(), "").await;
        let mut caller = Frames::open(gateway.address("apis")).await;
        let asked = head("POST", "/x", &[("content-length", "5")]);
        caller.put(Frame::HEADERS, 4, 1, &asked).await;
        for (number, piece) in pieces.iter().enumerate() {
            let is_last = number + 1 == pieces.len();
            caller.put(Frame::DATA, is_last.into(), 1, piece).await;
        }
        let asked = tokio::spawn(async move {
            let mut upstream = origin.accept().await;
            upstream.rest().await
        });
        assert!(caller.outcome(1).await.is_err(), "{what}");
        // Whoever was asked already never saw the message whole.
        if let Ok(sent) = tokio::time::timeout(Duration::from_millis(500), asked).await {
            let sent = sent.unwrap();
            let (_, body) = sent.split_once("\r\n\r\n").unwrap_or_default();
            assert!(body.len() < 5, "{what}: {sent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_is_413_told_or_not() {
    // It answers nobody: an answer that comes before the body has ended would be passed on.
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "limits: { body: 4KiB }").await;
    for told in [true, false] {
        let mut client = client(&gateway, "apis").await;
        let mut request = post("/x");
        if told {
            request = request.header("content-length", "8192");
        }
        let (answer, mut body) = client
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        let _ = body.send_data(Bytes::from(vec![0; 8192]), true);
        let reply = whole(answer.await.unwrap()).await.unwrap();
        assert_eq!(
            reply.verdict(),
            (413, "body_too_large".to_owned()),
            "{told}"
        );
        assert!(!told || origin.is_left_alone().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_408_and_its_neighbours_go_on() {
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "timeouts: { body: 300ms }").await;
    let mut client = client(&gateway, "apis").await;
    let request = post("/slow").body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    send(&mut body, "a", false);
    let mut slow = origin.accept().await;
    slow.head().await.unwrap();
    let (other, _) = client.send_request(get("/"), true).unwrap();
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(ANSWER).await;
    assert_eq!(other.await.unwrap().status(), 200);
    let reply = whole(answer.await.unwrap()).await.unwrap();
    assert_eq!(reply.verdict(), (408, "body_timeout".to_owned()));
    assert!(!slow.rest().await.contains("0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_behind_a_body_goes_on_but_for_what_belongs_before_it() {
    for (name, goes_on) in [
        ("x-checksum", true),
        ("remote_user", false),
        ("host", false),
    ] {
        let origin = Origin::open().await;
        let gateway = before(&origin.url(), "").await;
        let mut client = client(&gateway, "apis").await;
        let request = post("/x")
            .header("te", "trailers")
            .header("trailer", "x-checksum");
        let (answer, mut body) = client
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        send(&mut body, "hello", false);
        let mut trailers = HeaderMap::new();
        trailers.insert(name, "1".parse().unwrap());
        let _ = body.send_trailers(trailers);
        let mut upstream = origin.accept().await;
        if name == "host" {
            let answer = whole(answer.await.unwrap()).await.unwrap();
            assert_eq!(answer.verdict(), (400, "bad_framing".to_owned()));
            assert!(!upstream.rest().await.contains("0\r\n\r\n"));
            continue;
        }
        upstream.head().await.unwrap();
        let sent = upstream.until("0\r\n").await.unwrap();
        let behind = upstream.until("\r\n").await;
        upstream.send(ANSWER).await;
        assert_eq!(answer.await.unwrap().status(), 200, "{sent}");
        let behind = behind.unwrap_or_default().to_ascii_lowercase();
        assert_eq!(behind.contains(name), goes_on, "{name}: {behind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_answer_comes_whole_at_its_takers_pace() {
    const BYTES: usize = 3 * 1024 * 1024;
    let origin = Origin::open().await.answering(|_| {
        let body = "x".repeat(BYTES);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n{body}")
    });
    let gateway = before(&origin.url, "").await;
    let mut client = client(&gateway, "apis").await;
    let asking = (0..4).map(|_| client.send_request(get("/"), true).unwrap().0);
    // All at a time: who reads one only has its window filled by the others.
    let reading = asking.map(|answer| tokio::spawn(async { whole(answer.await?).await }));
    for reply in reading.collect::<Vec<_>>() {
        assert_eq!(reply.await.unwrap().unwrap().body.len(), BYTES);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_nothing_of_an_answer_loses_it_and_its_neighbours_go_on() {
    let origin = Origin::open().await.answering(|head| {
        let bytes = if head.starts_with("GET /large") {
            300_000
        } else {
            2
        };
        let body = "x".repeat(bytes);
        format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n{body}")
    });
    let gateway = before(&origin.url, "timeouts: { body: 300ms }").await;
    // The window of the connection is wide: its neighbours have theirs.
    let stream = TcpStream::connect(gateway.address("apis")).await.unwrap();
    let mut client = h2::client::Builder::new();
    client.initial_connection_window_size(1024 * 1024);
    let (mut client, connection) = client.handshake::<_, Bytes>(stream).await.unwrap();
    tokio::spawn(connection);
    let (starved, _) = client.send_request(get("/large"), true).unwrap();
    // Its window is never opened again.
    let starved = starved.await.unwrap().into_body();
    let (other, _) = client.send_request(get("/"), true).unwrap();
    assert_eq!(whole(other.await.unwrap()).await.unwrap().text(), "xx");
    let lines = gateway.lines(2).await;
    let line = lines.iter().find(|line| line["path"] == "/large").unwrap();
    assert_eq!(line["reason"], "client_closed");
    let (other, _) = client.send_request(get("/"), true).unwrap();
    assert_eq!(whole(other.await.unwrap()).await.unwrap().text(), "xx");
    drop(starved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_a_reset_and_nobody_takes_it_for_whole() {
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "").await;
    let mut client = client(&gateway, "apis").await;
    for length in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        let (answer, _) = client.send_request(get("/"), true).unwrap();
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream
            .send(format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n5\r\nhello"))
            .await;
        drop(upstream);
        // The codec may forget a head that is broken off before it is asked for.
        let broken = match answer.await {
            Ok(answer) => whole(answer).await.unwrap_err(),
            Err(why) => why,
        };
        assert_eq!(broken.reason(), Some(Reason::INTERNAL_ERROR));
    }
    let lines = gateway.lines(2).await;
    assert!(lines.iter().all(|line| line["reason"] == "upstream_failed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_of_an_answer_that_breaks_off_comes_before_its_reset() {
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    for stream in (1..40).step_by(2) {
        caller.ask(stream, &head("GET", "/", &[])).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        let begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
        upstream.send(begun).await;
        drop(upstream);
        let mut has_head = false;
        loop {
            let frame = caller.next().await.expect("the connection goes on");
            match frame.kind {
                Frame::HEADERS => has_head = true,
                Frame::RST_STREAM => break,
                _ => {}
            }
        }
        assert!(has_head, "{stream}: as if nobody had answered");
    }
}
