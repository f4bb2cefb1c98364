//! gRPC from end to end: both bodies stream, trailers tell how it ended, and the caller's own deadline
//! is kept.

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::TcpStream;

use crate::support::{Gateway, Http2Connection, Http2Origin, PATIENCE, Setup};

/// A gateway that is spoken to by HTTP/2, and speaks it.
async fn world() -> (Http2Origin, Gateway) {
    let origin = Http2Origin::open().await;
    let setup = Setup::open(&origin.url(), "protocols: [h2c]", "{ protocol: h2c }");
    (origin, setup.gateway().await)
}

/// A call whose request has begun: what it sends on, and what will come of it.
async fn call(
    gateway: &Gateway,
    fields: &[(&str, &str)],
) -> (SendStream<Bytes>, h2::client::ResponseFuture) {
    let stream = TcpStream::connect(gateway.address("apis")).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method("POST")
        .uri("http://a.example/calc.Calc/Add")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (answer, send) = sender
        .send_request(request.body(()).unwrap(), false)
        .unwrap();
    (send, answer)
}

async fn head(answer: h2::client::ResponseFuture) -> Response<RecvStream> {
    let waited = tokio::time::timeout(PATIENCE, answer).await;
    waited.expect("an answer").unwrap()
}

async fn piece(body: &mut RecvStream) -> Bytes {
    let piece = tokio::time::timeout(PATIENCE, body.data()).await;
    piece.expect("a piece").expect("more").unwrap()
}

async fn end(body: &mut RecvStream) -> HeaderMap {
    let waited = tokio::time::timeout(PATIENCE, async {
        assert!(body.data().await.is_none(), "no more data");
        body.trailers().await
    });
    waited.await.expect("an end").unwrap().expect("trailers")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_both_ways_as_they_come_and_trailers_end_them() {
    let (origin, gateway) = world().await;
    let (mut send, answer) = call(&gateway, &[("grpc-timeout", "10S"), ("x-meta", "1")]).await;
    send.send_data("one".into(), false).unwrap();
    let mut upstream: Http2Connection = origin.accept().await;
    let mut asked = upstream.asked().await;
    assert_eq!(asked.target(), "/calc.Calc/Add");
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", "10S"),
        ("x-meta", "1"),
    ] {
        assert_eq!(asked.header(name), Some(value));
    }
    assert_eq!(asked.piece().await, b"one");
    let mut stream = asked.begin(Response::builder().header("content-type", "application/grpc"));
    stream.send_data("1".into(), false).unwrap();
    let mut body = head(answer).await.into_body();
    assert_eq!(piece(&mut body).await, "1");
    send.send_data("two".into(), true).unwrap();
    assert_eq!(asked.read().await.0, b"two");
    stream.send_data("2".into(), false).unwrap();
    assert_eq!(piece(&mut body).await, "2");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("x-end", HeaderValue::from_static("3"));
    stream.send_trailers(trailers.clone()).unwrap();
    assert_eq!(end(&mut body).await, trailers);
    assert_eq!(gateway.lines(1).await[0]["reason"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_deadline_is_kept_and_the_upstream_is_told() {
    let (origin, gateway) = world().await;
    // Before the answer's head.
    let (_send, answer) = call(&gateway, &[("grpc-timeout", "300m")]).await;
    let mut upstream = origin.accept().await;
    let mut asked = upstream.asked().await;
    let _ = head(answer).await;
    let line = &gateway.lines(1).await[0];
    assert_eq!(line["reason"], "deadline_exceeded", "{line}");
    let why = std::future::poll_fn(|cx| asked.answer.poll_reset(cx)).await;
    assert_eq!(why.unwrap(), Reason::CANCEL);
    // In the middle of it.
    let (_send, answer) = call(&gateway, &[("grpc-timeout", "500m")]).await;
    let mut asked = upstream.asked().await;
    let mut stream = asked.begin(Response::builder().header("content-type", "application/grpc"));
    stream.send_data("1".into(), false).unwrap();
    let mut body = head(answer).await.into_body();
    assert_eq!(piece(&mut body).await, "1");
    let trailers = end(&mut body).await;
    assert_eq!(text(&trailers, "grpc-status"), "4");
    assert!(text(&trailers, "grpc-message").starts_with("deadline_exceeded: "));
    let line = &gateway.lines(2).await[1];
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&200.into(), &"deadline_exceeded".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_ends_with_a_status_of_ours() {
    let (origin, gateway) = world().await;
    let (_send, answer) = call(&gateway, &[]).await;
    let mut upstream = origin.accept().await;
    let mut asked = upstream.asked().await;
    let mut stream = asked.begin(Response::builder().header("content-type", "application/grpc"));
    stream.send_data("1".into(), false).unwrap();
    let mut body = head(answer).await.into_body();
    assert_eq!(piece(&mut body).await, "1");
    stream.send_reset(Reason::INTERNAL_ERROR);
    let trailers = end(&mut body).await;
    assert_eq!(text(&trailers, "grpc-status"), "14");
    assert!(text(&trailers, "grpc-message").starts_with("upstream_failed: "));
    assert_eq!(gateway.lines(1).await[0]["reason"], "upstream_failed");
}
