//! Upstreams that must be reached through a proxy: what it is asked, and what becomes of its answers.

use openssl::ssl::SslVersion;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use crate::support::{Connection, Origin, Setup, TlsOrigin, World, is};

const USER: &str = "bearer gate";
const PASSWORD: &str = "pass:w%rd/@1";

/// A gateway whose upstream is behind this proxy.
async fn behind(proxy: &Origin, upstream: &TlsOrigin, more: &str) -> World {
    let port = upstream.address.port();
    let proxy = format!(
        "{{ url: \"{}\", user: {USER}, password: {{ file: proxy.pass }} }}",
        proxy.url()
    );
    Setup::open(
        &format!("https://localhost:{port}"),
        "",
        &format!("{{ ca_file: ca.pem, proxy: {proxy}, {more} }}"),
    )
    .file("proxy.pass", format!("{PASSWORD}\n"))
    .file("ca.pem", &upstream.ca_pem)
    .start()
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_is_reached_through_the_proxy_that_must_be_asked() {
    let (proxy, upstream) = (
        Origin::open().await,
        TlsOrigin::open(&["localhost"], SslVersion::TLS1_3),
    );
    let world = behind(&proxy, &upstream, "").await;
    let asked = world
        .gateway
        .apart("apis", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned());
    let mut tunnel = proxy.accept().await;
    let head = tunnel.head().await.unwrap();
    let port = upstream.address.port();
    let basic = openssl::base64::encode_block(format!("{USER}:{PASSWORD}").as_bytes());
    assert_eq!(
        head,
        format!(
            "CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n\
             Proxy-Authorization: Basic {basic}\r\n\r\n"
        )
    );
    tunnel
        .send("HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    let mut stream = tunnel.into_stream();
    let mut direct = TcpStream::connect(upstream.address).await.unwrap();
    tokio::spawn(async move { copy_bidirectional(&mut stream, &mut direct).await });
    let reply = asked.await.unwrap().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    assert!(!world.gateway.log().contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_answers_instead_of_a_tunnel_is_told_under_its_name() {
    let upstream = TlsOrigin::open(&["localhost"], SslVersion::TLS1_3);
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}", "a".repeat(9000));
    for (answer, told) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "407",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "it answered 403",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello", "before we did"),
        ("nonsense\r\n\r\n", "not HTTP"),
        ("", "closed the connection"),
        (&long, "longer than"),
        ("HTTP/1.1 200", "no tunnel within 1s"),
    ] {
        let proxy = Origin::open().await;
        let most = match told {
            "no tunnel within 1s" => "timeouts: { connect: 1s }",
            _ => "timeouts: { connect: 60s }",
        };
        let world = behind(&proxy, &upstream, most).await;
        let asked = world
            .gateway
            .apart("apis", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned());
        let mut tunnel: Connection = proxy.accept().await;
        tunnel.head().await.unwrap();
        tunnel.send(answer).await;
        if answer.is_empty() {
            drop(tunnel);
        }
        let reply = asked.await.unwrap().unwrap();
        assert_eq!(reply.verdict(), is(502, "upstream_unreachable"), "{told}");
        let line = world.gateway.lines(1).await.pop().unwrap();
        let detail = line["detail"].as_str().unwrap();
        let way = format!("through the proxy {}: ", proxy.address());
        assert!(detail.contains(&way) && detail.contains(told), "{detail}");
    }
}
