//! Requests as clients send them: what reaches the upstream is what HTTP/1.1 would have made of them.

use http::Request;

use super::{ANSWER, ask, before, get, world};
use crate::support::{Origin, client, send, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_protocols_are_spoken_on_one_port_where_the_listener_says_so() {
    let (origin, gateway) = world("").await;
    let reply = gateway.raw("apis", "GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(reply.await.status, 200);
    let mut client = client(&gateway, "apis").await;
    for target in ["/2?x=1", "/3"] {
        let answer = ask(&mut client, get(target)).await.unwrap();
        assert_eq!((answer.status, &*answer.text()), (200, "ok"));
        assert!(answer.header("x-request-id").is_some());
    }
    let heads = origin.heads();
    let lines: Vec<_> = heads
        .iter()
        .map(|(_, head)| head.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        ["GET /1 HTTP/1.1", "GET /2?x=1 HTTP/1.1", "GET /3 HTTP/1.1"]
    );
    let lines = gateway.lines(3).await;
    let path = |line: &serde_json::Value| line["path"].as_str().unwrap().to_owned();
    assert_eq!(
        lines.iter().map(path).collect::<Vec<_>>(),
        ["/1", "/2", "/3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_what_the_listener_does_not_is_told_in_its_own_words() {
    let (origin, gateway) = world("protocols: [h2c]").await;
    let reply = gateway
        .raw("apis", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    assert_eq!(
        (reply.status, reply.reason()),
        (400, "malformed_request".to_owned())
    );
    let (_, plain) = world("protocols: [http1]").await;
    let reply = plain.raw("apis", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(reply.status, 400);
    assert!(origin.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_gets_what_http_1_1_would_have_sent() {
    let (origin, gateway) = world("").await;
    let mut client = client(&gateway, "apis").await;
    let request = Request::get("http://A.Example:80/x?y=%2f")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .header("x-forwarded-for", "6.6.6.6")
        .header("remote_user", "admin")
        .body(())
        .unwrap();
    assert_eq!(ask(&mut client, request).await.unwrap().status, 200);
    let heads = origin.heads();
    let head = heads[0].1.to_ascii_lowercase();
    let has = |line: &str| head.lines().any(|it| it == line);
    assert!(head.starts_with("get /x?y=%2f http/1.1\r\n"), "{head}");
    assert!(has("cookie: a=1; b=2") && has("te: trailers"), "{head}");
    assert!(has("x-forwarded-for: 127.0.0.1"), "{head}");
    for absent in [
        "remote_user",
        "6.6.6.6",
        "transfer-encoding",
        "content-length",
    ] {
        assert!(!head.contains(absent), "{absent}: {head}");
    }
    assert_eq!(head.matches("\r\nhost: ").count(), 1);
}

/// What hyper would leave out of a GET, and an upstream would then wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_no_told_length_is_chunked_whatever_the_method() {
    for method in ["GET", "POST", "DELETE"] {
        let origin = Origin::open().await;
        let gateway = before(&origin.url(), "").await;
        let mut client = client(&gateway, "apis").await;
        let request = Request::builder().method(method).uri("http://a.example/x");
        let request = request.body(()).unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        send(&mut body, "hello", false);
        send(&mut body, " there", true);
        let mut upstream = origin.accept().await;
        let head = upstream.head().await.unwrap().to_ascii_lowercase();
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        let body = upstream.until("0\r\n\r\n").await.unwrap();
        assert!(body.contains("hello") && body.contains(" there"), "{body}");
        upstream.send(ANSWER).await;
        assert_eq!(whole(answer.await.unwrap()).await.unwrap().text(), "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_100_gets_it_when_its_body_is_wanted() {
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "").await;
    let mut client = client(&gateway, "apis").await;
    let request = Request::post("http://a.example/x").header("expect", "100-continue");
    let request = request.header("content-length", "5").body(()).unwrap();
    let (mut answer, mut body) = client.send_request(request, false).unwrap();
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    let interim = std::future::poll_fn(|cx| answer.poll_informational(cx)).await;
    assert_eq!(interim.unwrap().unwrap().status(), 100);
    send(&mut body, "hello", true);
    upstream.until("hello").await.unwrap();
    upstream.send(ANSWER).await;
    assert_eq!(answer.await.unwrap().status(), 200);
}
