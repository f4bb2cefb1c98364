//! What is sent again when our token was refused, and what never is: a body that is at hand, in order and
//! whole; nothing that may have been acted on.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::TcpStream;

use crate::support::{
    API_KEY, Connection, Gateway, Http2Origin, Origin, PATIENCE, Reply, Setup, World, is,
};

use super::refused::{detail, request};
use super::setup;

const REFUSED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn world() -> (Origin, World) {
    let origin = Origin::open().await;
    let world = setup().fill("UPSTREAM", origin.url()).start().await;
    (origin, world)
}

/// A caller whose request has begun.
async fn asked(gateway: &Gateway, request: impl AsRef<[u8]>) -> Connection {
    let mut caller = gateway.connect("legacy").await;
    caller.send(request).await;
    caller
}

async fn answered(mut caller: Connection) -> Reply {
    caller.reply().await.expect("an answer")
}

fn chunked(body: &str) -> String {
    format!(
        "POST /mail/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
    )
}

/// The token of a request's head.
fn token(head: &str) -> String {
    let mut lines = head.lines();
    let line = lines.find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
    line.expect("a token").to_owned()
}

/// The head of a POST with a body of so many bytes, and what is sent of that at once.
pub(super) fn begun(length: usize, first: &str) -> String {
    format!(
        "POST /mail/x HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\nContent-Length: {length}\r\n\r\n{first}"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_of_a_body_has_come_is_sent_again_and_what_comes_goes_on_behind_it() {
    for length in [10, 200 * 1024] {
        let (origin, world) = world().await;
        let body = format!("{}end", "x".repeat(length - 3));
        let mut caller = asked(&world.gateway, begun(length, &body[..5])).await;
        let mut first = origin.accept().await;
        let old = token(&first.head().await.unwrap());
        first.until(&body[..5]).await.unwrap();
        first.send(REFUSED).await;
        let mut second = origin.accept().await;
        let head = second.head().await.unwrap();
        assert!(
            head.contains(&format!("ontent-Length: {length}\r\n")),
            "{head}"
        );
        assert_ne!(token(&head), old);
        assert_eq!(first.rest().await, "", "nobody sends on what is sent again");
        caller.send(&body[5..]).await;
        assert_eq!(second.until("end").await.unwrap(), body);
        second.send(OK).await;
        assert_eq!(answered(caller).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_which_too_much_is_gone_is_503_and_its_token_replaced() {
    let long = "x".repeat(100 * 1024);
    let trailers = chunked("3\r\nend\r\n0\r\nx-end: 1\r\n\r\n");
    for (request, whole) in [
        (begun(long.len() + 3, &format!("{long}end")), "xend"),
        (trailers, "end\r\n0\r\n"),
    ] {
        let (origin, world) = world().await;
        let caller = asked(&world.gateway, request).await;
        let mut upstream = origin.accept().await;
        let old = token(&upstream.head().await.unwrap());
        upstream.until(whole).await.unwrap();
        upstream.send(REFUSED).await;
        let reply = answered(caller).await;
        assert_eq!(reply.verdict(), is(503, "token_replaced"));
        assert_eq!(reply.header("retry-after"), Some("1"));
        let told = detail(&world, 1).await;
        assert!(
            told.ends_with("too much of the body is gone to send it again"),
            "{told}"
        );
        assert_eq!(world.contoso.issuer.token_requests(), 2);
        let caller = asked(&world.gateway, request_of_nothing()).await;
        assert_ne!(token(&upstream.head().await.unwrap()), old);
        upstream.send(OK).await;
        assert_eq!(answered(caller).await.status, 200);
    }
}

fn request_of_nothing() -> Vec<u8> {
    request("GET", "/mail/x", b"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_waits_with_its_body_for_100_is_asked_for_it_once() {
    let (origin, world) = world().await;
    let head = begun(4, "").replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut caller = asked(&world.gateway, head).await;
    let mut first = origin.accept().await;
    first.head().await.unwrap();
    first.send(REFUSED).await;
    let mut second = origin.accept().await;
    second.head().await.unwrap();
    second.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    let interim = caller.head().await.unwrap();
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    caller.send("body").await;
    assert_eq!(second.until("body").await.unwrap(), "body");
    second.send(OK).await;
    assert_eq!(answered(caller).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_may_have_acted_on_is_not_sent_again_for_being_kept() {
    let (origin, world) = world().await;
    // A connection that has served before, and ends under a request.
    let caller = asked(&world.gateway, request_of_nothing()).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(OK).await;
    assert_eq!(answered(caller).await.status, 200);
    let caller = asked(&world.gateway, request("POST", "/mail/x", b"body")).await;
    upstream.until("body").await.unwrap();
    drop(upstream);
    let reply = answered(caller).await;
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
    // The second attempt is an attempt as any other.
    let caller = asked(&world.gateway, request("POST", "/mail/x", b"body")).await;
    let mut upstream = origin.accept().await;
    upstream.until("body").await.unwrap();
    upstream.send(REFUSED).await;
    upstream.until("body").await.unwrap();
    drop(upstream);
    let reply = answered(caller).await;
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
    assert!(origin.is_left_alone().await);
    assert_eq!(world.contoso.issuer.token_requests(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_under_way_takes_the_token_that_came_meanwhile() {
    let (origin, world) = world().await;
    let late = asked(&world.gateway, request("POST", "/mail/x", b"late")).await;
    let mut held = origin.accept().await;
    let old = token(&held.head().await.unwrap());
    let caller = asked(&world.gateway, request_of_nothing()).await;
    let mut upstream = origin.accept().await;
    assert_eq!(token(&upstream.head().await.unwrap()), old);
    upstream.send(REFUSED).await;
    let new = token(&upstream.head().await.unwrap());
    upstream.send(OK).await;
    assert_eq!(answered(caller).await.status, 200);
    held.until("late").await.unwrap();
    held.send(REFUSED).await;
    assert_eq!(token(&held.head().await.unwrap()), new);
    held.until("late").await.unwrap();
    held.send(OK).await;
    assert_eq!(answered(late).await.status, 200);
    assert_eq!(world.contoso.issuer.token_requests(), 2);
}

/// A gateway that speaks HTTP/2 on both sides.
async fn over_http2() -> (Http2Origin, World, SendRequest<Bytes>) {
    let origin = Http2Origin::open().await;
    let setup: Setup = setup()
        .fill("UPSTREAM", origin.url())
        .put("/listeners/legacy", "protocols: [h2c]")
        .put("/routes/0/upstream", "protocol: h2c");
    let world = setup.start().await;
    let stream = TcpStream::connect(world.gateway.address("legacy"))
        .await
        .unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    (origin, world, sender)
}

/// A call of gRPC, its message sent.
fn call(sender: &mut SendRequest<Bytes>) -> h2::client::ResponseFuture {
    let request = Request::post("http://a.example/mail/calc.Calc/Add")
        .header("x-api-key", API_KEY)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let (answer, mut send) = sender
        .send_request(request.body(()).unwrap(), false)
        .unwrap();
    send.send_data("message".into(), true).unwrap();
    answer
}

async fn head(answer: h2::client::ResponseFuture) -> Response<h2::RecvStream> {
    let waited = tokio::time::timeout(PATIENCE, answer).await;
    waited.expect("an answer").unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2_a_401_is_answered_on_the_same_connection() {
    let (origin, world, mut sender) = over_http2().await;
    let answer = call(&mut sender);
    let mut upstream = origin.accept().await;
    let mut first = upstream.asked().await;
    assert_eq!(first.read().await.0, b"message");
    let refused = Response::builder().status(401);
    first.begin(refused).send_data(Bytes::new(), true).unwrap();
    let mut second = upstream.asked().await;
    assert_eq!(second.read().await.0, b"message");
    assert_ne!(
        first.header("authorization"),
        second.header("authorization")
    );
    let mut stream = second.begin(Response::builder().header("content-type", "application/grpc"));
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(0))]);
    stream.send_trailers(trailers).unwrap();
    assert_eq!(head(answer).await.status(), 200);
    assert_eq!(world.contoso.issuer.token_requests(), 2);
    assert!(origin.is_left_alone().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcs_unauthenticated_replaces_the_token_and_leaves_the_call_to_its_caller() {
    let (origin, world, mut sender) = over_http2().await;
    let answer = call(&mut sender);
    let mut upstream = origin.accept().await;
    let mut first = upstream.asked().await;
    let old = first.header("authorization").unwrap().to_owned();
    let refused = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "16")
        .header("grpc-message", "who?");
    first.begin(refused).send_data(Bytes::new(), true).unwrap();
    let answer = head(answer).await;
    assert_eq!(text(answer.headers(), "grpc-status"), "14");
    let message = text(answer.headers(), "grpc-message");
    assert!(message.starts_with("token_replaced: "), "{message}");
    let told = detail(&world, 1).await;
    assert_eq!(
        told,
        "the upstream answered grpc-status 16; the token was replaced, and nothing says that the call was not made"
    );
    let answer = call(&mut sender);
    let mut second = upstream.asked().await;
    assert_ne!(second.header("authorization"), Some(&*old));
    let denied = Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", "7");
    second.begin(denied).send_data(Bytes::new(), true).unwrap();
    let answer = head(answer).await;
    assert_eq!(
        text(answer.headers(), "grpc-status"),
        "7",
        "a denial is its caller's"
    );
    let told = detail(&world, 2).await;
    assert!(
        told.starts_with("the upstream answered grpc-status 7; our token has the roles ["),
        "{told}"
    );
    assert_eq!(world.contoso.issuer.token_requests(), 2);
}
