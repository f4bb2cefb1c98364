use std::io::{Read, Write};
use std::net::SocketAddr;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};

use super::super::tests_support::{LONG, Running, SHORT, UNHURRIED, tls_definition};
use super::super::{Limits, Timeouts};

const HEADER_SOON: Timeouts = Timeouts {
    header: SHORT,
    ..UNHURRIED
};

fn encrypted(timeouts: Timeouts) -> Running {
    Running::start(Limits::default(), timeouts, Some(tls_definition()))
}

/// One request over TLS; `None` where the handshake fails.
fn get_over_tls(address: SocketAddr, newest: SslVersion, protocols: &[u8]) -> Option<String> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    // Else OpenSSL itself would not offer what we must refuse.
    connector.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    connector.set_min_proto_version(None).unwrap();
    connector.set_max_proto_version(Some(newest)).unwrap();
    if !protocols.is_empty() {
        connector.set_alpn_protos(protocols).unwrap();
    }
    let socket = std::net::TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    let mut stream = connector.build().connect("localhost", socket).ok()?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    Some(String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn tls_is_spoken_from_1_2_up_and_as_http_1_1() {
    let running = encrypted(UNHURRIED);
    for (newest, protocols, works) in [
        (SslVersion::TLS1_3, &b""[..], true),
        (SslVersion::TLS1_2, b"", true),
        (SslVersion::TLS1_3, b"\x02h2\x08http/1.1", true),
        (SslVersion::TLS1_3, b"\x02h2", false),
        (SslVersion::TLS1_1, b"", false),
    ] {
        let address = running.address;
        let asking = tokio::task::spawn_blocking(move || get_over_tls(address, newest, protocols));
        let answer = asking.await.unwrap();
        assert_eq!(answer.is_some(), works, "{newest:?} {protocols:?}");
        assert!(answer.is_none_or(|text| text.ends_with("ok")));
    }
    running.refused_only(&["tls", "tls"]).await;
}

#[tokio::test]
async fn a_handshake_that_is_none_or_never_comes_is_counted() {
    let running = encrypted(UNHURRIED);
    let mut client = running.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let _ = tokio::io::AsyncReadExt::read(&mut client.0, &mut [0; 64]).await;
    drop(client);
    running.refused_only(&["tls"]).await;

    let running = encrypted(HEADER_SOON);
    assert_eq!(running.connect().await.rest().await, "");
    running.refused_only(&["tls"]).await;
}
