//! Which HTTP is spoken to an upstream, where the two have to agree on it, or something has to be switched.

use openssl::ssl::SslVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Gateway, Http2Origin, Setup, TlsOrigin};

use super::{asked, get};

/// A gateway whose upstream is reached over TLS by `protocol`.
async fn encrypted(origin: &Http2Origin, protocol: &str) -> Gateway {
    let upstream = format!("{{ protocol: {protocol}, ca_file: origin.pem }}");
    let setup = Setup::open(&origin.url(), "", &upstream).file("origin.pem", origin.ca_pem());
    setup.gateway().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_it_is_agreed_on() {
    for protocol in ["h2", "auto"] {
        let origin = Http2Origin::open_tls(b"\x02h2\x08http/1.1").await;
        let gateway = encrypted(&origin, protocol).await;
        for _ in 0..2 {
            let call = gateway.apart("apis", get("/"));
            let mut upstream = origin.accept().await;
            assert_eq!(upstream.alpn.as_deref(), Some(&b"h2"[..]));
            let asked = upstream.asked().await;
            assert_eq!(asked.head.uri.scheme_str(), Some("https"));
            asked.say(200, "ok");
            assert_eq!(call.await.unwrap().unwrap().text(), "ok", "{protocol}");
            upstream.drop_it().await;
            assert!(upstream.ended().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_agree_is_spoken_to_by_http_1_1_or_not_at_all() {
    for (protocol, status) in [("h2", 502), ("auto", 200), ("h1", 200)] {
        let origin = TlsOrigin::open(&["localhost"], SslVersion::TLS1_3);
        let url = format!("https://localhost:{}", origin.address.port());
        let upstream = format!("{{ protocol: {protocol}, ca_file: origin.pem }}");
        let setup = Setup::open(&url, "", &upstream).file("origin.pem", &origin.ca_pem);
        let gateway = setup.gateway().await;
        for lines in 1..3 {
            assert_eq!(
                gateway.get("apis", "/", &[]).await.status,
                status,
                "{protocol}"
            );
            let line = gateway.lines(lines).await.pop().unwrap();
            let detail = line["detail"].as_str().unwrap_or_default();
            assert_eq!(
                detail.contains("does not agree to HTTP/2"),
                status == 502,
                "{detail}"
            );
        }
    }
}

#[rustfmt::skip]
const WEBSOCKET: &str =
    "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_goes_by_http_1_1_where_that_may_be_spoken() {
    // Where it may not, the wish is of one hop, and goes no further.
    let origin = Http2Origin::open().await;
    let setup = Setup::open(&origin.url(), "", "{ protocol: h2c }");
    let gateway = setup.gateway().await;
    let mut caller = asked(&gateway, WEBSOCKET).await;
    let mut upstream = origin.accept().await;
    let asked_for = upstream.asked().await;
    assert!(asked_for.header("upgrade").is_none());
    asked_for.say(426, "by HTTP/2?");
    assert_eq!(caller.reply().await.unwrap().status, 426);

    let origin = Http2Origin::open_tls(b"\x02h2\x08http/1.1").await;
    let gateway = encrypted(&origin, "auto").await;
    let call = gateway.apart("apis", get("/"));
    let mut upstream = origin.accept().await;
    upstream.asked().await.say(200, "ok");
    assert_eq!(call.await.unwrap().unwrap().text(), "ok");
    let mut caller = asked(&gateway, WEBSOCKET).await;
    let mut upstream = origin.accept_tls().await;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(upstream.read_u8().await.unwrap()));
    }
    assert!(
        head.to_ascii_lowercase().contains("upgrade: websocket"),
        "{head}"
    );
    let switched =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    upstream
        .write_all(format!("{switched}hello").as_bytes())
        .await
        .unwrap();
    caller.until("hello").await.unwrap();
    caller.send("ping").await;
    upstream.read_exact(&mut [0; 4]).await.unwrap();
}
