//! Bodies stream both ways and connections are pooled.

use crate::support::{Origin, Setup};
use bearergate::fake::{Echo, bind, serve};

use super::{OK, asked, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways_before_either_has_ended() {
    let (origin, gateway) = world("", "").await;
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    upstream.until("hello").await.unwrap();
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHELLO\r\n")
        .await;
    assert!(
        caller
            .until("HELLO")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200 ")
    );
    caller.send("world").await;
    upstream.until("world").await.unwrap();
    upstream.send("5\r\nWORLD\r\n").await;
    caller.until("WORLD").await.unwrap();
    upstream.send("0\r\n\r\n").await;
    caller.until("0\r\n\r\n").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_arrive_whole_with_a_length_and_in_chunks() {
    let echo = Echo::new();
    let running = serve(bind(0).unwrap(), None, std::sync::Arc::new(echo.clone())).unwrap();
    let gateway = Setup::open(&running.base(), "", "").gateway().await;
    let body: Vec<u8> = (0..3_000_000_u32)
        .map(|number| number.to_le_bytes()[1] ^ 7)
        .collect();
    let sum = openssl::sha::sha256(&body);
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    let mut chunked = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(70_001) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    for framed in [[length.into_bytes(), body].concat(), chunked] {
        let mut caller = asked(&gateway, "POST / HTTP/1.1\r\nHost: a.example\r\n").await;
        caller.send(framed).await;
        assert_eq!(caller.reply().await.unwrap().status, 200);
        let seen = echo.last().unwrap().body;
        assert_eq!((seen.length, seen.sha256), (3_000_000, sum));
    }
    let answer = gateway.get("apis", "/?bytes=3000000", &[]).await.body;
    assert_eq!(answer.len(), 3_000_000);
    assert!(answer.chunks(10).all(|ten| ten == b"0123456789"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_leave_the_connection_in_step() {
    let origin = Origin::open().await.answering(|head| {
        let status = head.split(['/', ' ']).nth(2).unwrap_or_default();
        match status {
            "head" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_owned(),
            "204" | "304" => format!("HTTP/1.1 {status} X\r\nETag: \"x\"\r\n\r\n"),
            _ => OK.to_owned(),
        }
    });
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    for (request, status) in [
        (
            "HEAD /head HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "HTTP/1.1 200 ",
        ),
        (
            "GET /204 HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "HTTP/1.1 204 ",
        ),
        (
            "GET /304 HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "HTTP/1.1 304 ",
        ),
    ] {
        let mut caller = asked(&gateway, request).await;
        let head = caller.head().await.unwrap().to_ascii_lowercase();
        assert!(
            head.starts_with(&status.to_ascii_lowercase()),
            "{request}: {head}"
        );
        assert!(!head.contains("transfer-encoding"), "{request}: {head}");
        assert_eq!(
            head.contains("content-length: 5"),
            request.starts_with("HEAD"),
            "{head}"
        );
        caller.send(get("/")).await;
        assert_eq!(caller.reply().await.unwrap().text(), "ok", "{request}");
    }
    assert_eq!(
        origin.heads().iter().map(|(number, _)| *number).max(),
        Some(0),
        "one connection"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_serves_many_callers() {
    let origin = Origin::open().await.answering(|_| OK.to_owned());
    let gateway = Setup::open(&origin.url, "", "").gateway().await;
    for _ in 0..5 {
        assert_eq!(gateway.get("apis", "/", &[]).await.status, 200);
    }
    let connections: Vec<usize> = origin.heads().iter().map(|(number, _)| *number).collect();
    assert_eq!(connections, [0; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_before_sending_a_body_is_told_by_the_upstream() {
    let (origin, gateway) = world("", "").await;
    let request =
        "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    let head = upstream.head().await.unwrap().to_ascii_lowercase();
    assert!(head.contains("expect: 100-continue"), "{head}");
    upstream.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert!(caller.head().await.unwrap().starts_with("HTTP/1.1 100 "));
    caller.send("hello").await;
    upstream.until("hello").await.unwrap();
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_resolved_before_the_first_request_is_answered() {
    let origin = Origin::open().await;
    let url = format!("http://localhost:{}", origin.address().port());
    let origin = origin.answering(|_| OK.to_owned());
    for _ in 0..10 {
        let gateway = Setup::open(&url, "", "").gateway().await;
        assert_eq!(gateway.get("apis", "/", &[]).await.status, 200);
    }
    let authority = url.trim_start_matches("http://");
    assert!(
        origin.heads()[0]
            .1
            .to_ascii_lowercase()
            .contains(&format!("host: {authority}\r\n"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_upstream_says_of_its_connection_stays_between_the_two() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream
        .send(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\n\
             X-Hop: 1\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-End: 2\r\n\
             Content-Length: 2\r\n\r\nok",
        )
        .await;
    let reply = caller.reply().await.unwrap();
    assert_eq!(reply.text(), "ok");
    assert_eq!(reply.header("x-end"), Some("2"));
    for name in ["keep-alive", "x-hop", "proxy-connection", "upgrade"] {
        assert_eq!(reply.header(name), None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_http_1_0_is_never_sent_chunks() {
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nhello",
    ] {
        let (origin, gateway) = world("", "").await;
        let request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        let mut caller = asked(&gateway, request).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstream.send(answer).await;
        drop(upstream);
        let head = caller.head().await.unwrap().to_ascii_lowercase();
        assert!(!head.contains("transfer-encoding"), "{head}");
        assert!(head.contains("connection: close"), "{head}");
        assert_eq!(caller.rest().await, "hello");
    }
}
