//! An upstream that wants to know who comes: what it is shown, and which TLS will do.

use std::io::{Read, Write};
use std::net::SocketAddr;

use bearergate::fake::KeyPair;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use crate::support::{Setup, self_signed};

/// An upstream over TLS no newer than that, which asks for a certificate of this authority, if there is
/// one, and answers with its subject.
fn origin(authority: Option<&X509>, newest: SslVersion) -> (SocketAddr, Vec<u8>) {
    let (certificate, key) = self_signed(&["localhost"]);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_max_proto_version(Some(newest)).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    if let Some(authority) = authority {
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(authority.clone()).unwrap();
        acceptor.set_verify_cert_store(store.build()).unwrap();
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    let acceptor = acceptor.build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let Ok(mut stream) = acceptor.accept(socket) else {
                continue;
            };
            let shown = stream.ssl().peer_certificate();
            let subject = shown.map(|it| format!("{:?}", it.subject_name()));
            let subject = subject.unwrap_or_default();
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                let length = subject.len();
                let answer =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{subject}");
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (address, certificate.to_pem().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_certificate_is_shown_the_routes_own() {
    let (ours, other) = (
        KeyPair::generate("gateway").unwrap(),
        KeyPair::generate("other").unwrap(),
    );
    let ours_pem = ours.certificate_pem().unwrap();
    let (address, ca_pem) = origin(
        Some(&X509::from_pem(&ours_pem).unwrap()),
        SslVersion::TLS1_3,
    );
    for (shown, status) in [(Some(&ours), 200), (Some(&other), 502), (None, 502)] {
        let url = format!("https://localhost:{}", address.port());
        let certificate = match shown {
            Some(_) => ", client_certificate: { certificate: g.pfx, passphrase: { file: g.pass } }",
            None => "",
        };
        let upstream = format!("{{ ca_file: ca.pem{certificate} }}");
        let mut setup = Setup::open(&url, "", &upstream).file("ca.pem", &ca_pem);
        if let Some(pair) = shown {
            let sealed = pair.pkcs12("a passphrase").unwrap();
            setup = setup.file("g.pfx", sealed).file("g.pass", "a passphrase\n");
        }
        let gateway = setup.gateway().await;
        let reply = gateway.get("apis", "/", &[]).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.text().contains("gateway"), status == 200, "{reply:?}");
        // Its end is told where somebody is woken by it.
        let ends = "bearergate_upstream_certificate_expiry_seconds{route=\"open\"}";
        let left = gateway.metric(ends).await;
        assert_eq!(left.is_some(), shown.is_some(), "{left:?}");
        let report = gateway.get_admin("/status.json").await.json();
        let told = &report["upstreams"][0]["certificate_ends_at"];
        assert_eq!(told.is_string(), shown.is_some(), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_older_than_the_route_wants_is_refused() {
    for (newest, minimum, status) in [
        (SslVersion::TLS1_3, "1.3", 200),
        (SslVersion::TLS1_2, "1.3", 502),
        (SslVersion::TLS1_2, "1.2", 200),
    ] {
        let (address, ca_pem) = origin(None, newest);
        let url = format!("https://localhost:{}", address.port());
        let upstream = format!("{{ ca_file: ca.pem, minimum_tls: {minimum} }}");
        let setup = Setup::open(&url, "", &upstream).file("ca.pem", &ca_pem);
        let gateway = setup.gateway().await;
        assert_eq!(
            gateway.get("apis", "/", &[]).await.status,
            status,
            "{newest:?}"
        );
        let line = &gateway.lines(1).await[0];
        let detail = line["detail"].as_str().unwrap_or_default();
        assert_eq!(
            detail.contains("older than TLS 1.3"),
            status == 502,
            "{detail}"
        );
    }
}
