//! A token endpoint that knows its clients by the certificate that they show (RFC 8705).

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use openssl::nid::Nid;
use openssl::ssl::{HandshakeError, SslAcceptor, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use crate::support::{Authority, Setup, is, self_signed};

use super::setup;

/// Shows a certificate that signs itself, asks for one of `clients`, and answers who was shown with a token
/// of that name.
struct Server {
    port: u16,
    ca_pem: Vec<u8>,
    /// What was sent, heads and forms.
    asked: Arc<Mutex<String>>,
}

impl Server {
    fn open(clients: &Authority, newest: SslVersion) -> Self {
        let (certificate, key) = self_signed(&["localhost"]);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_max_proto_version(Some(newest)).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        acceptor.set_private_key(&key).unwrap();
        let mut store = X509StoreBuilder::new().unwrap();
        let trusted = X509::from_pem(&clients.pem()).unwrap();
        store.add_cert(trusted).unwrap();
        acceptor.set_verify_cert_store(store.build()).unwrap();
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        let acceptor = acceptor.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let mut stream = match acceptor.accept(socket) {
                    Ok(stream) => stream,
                    Err(HandshakeError::Failure(mut refused)) => {
                        // What is left unread would have the alert overtaken by a reset.
                        while refused
                            .get_mut()
                            .read(&mut [0; 4096])
                            .is_ok_and(|read| read > 0)
                        {}
                        continue;
                    }
                    Err(_) => continue,
                };
                let shown = stream.ssl().peer_certificate().unwrap();
                let name = shown.subject_name().entries_by_nid(Nid::COMMONNAME);
                let name = name.map(|it| it.data().to_string().unwrap()).next();
                let name = name.unwrap();
                let body = format!(
                    r#"{{"token_type":"Bearer","access_token":"{name}","expires_in":300}}"#
                );
                let length = body.len();
                let mut text = Vec::new();
                let mut piece = [0; 4096];
                // The form is the last thing that comes, and it ends with the client's id.
                while !text.ends_with(b"client_id=orders") {
                    match stream.read(&mut piece) {
                        Ok(read) if read > 0 => text.extend_from_slice(&piece[..read]),
                        _ => break,
                    }
                }
                kept.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&text));
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        Self {
            port,
            ca_pem: certificate.to_pem().unwrap(),
            asked,
        }
    }

    fn setup(&self, credentials: &str) -> Setup {
        let url = format!("https://localhost:{}/token", self.port);
        let identity = format!(
            "partner: {{ oauth2: {{ token_url: '{url}', client_id: orders, auth: mtls, ca_file: server.pem }}, \
             credentials: [{credentials}] }}"
        );
        let setup = setup().file("server.pem", &self.ca_pem);
        let setup = setup.put("/identities", &identity);
        setup.plain("partner", "url: $ECHO", "token: { identity: partner }")
    }
}

const BOTH: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_is_the_proof_and_the_form_holds_none() {
    let clients = Authority::new("clients");
    for version in BOTH {
        let server = Server::open(&clients, version);
        let setup = server.setup("certificate: { file: own.pem }");
        let setup = setup.file("own.pem", clients.client("orders-gateway").whole());
        let world = setup.start().await;
        let reply = world.gateway.ask("/partner/x").await;
        assert_eq!(reply.status, 200, "{}", world.gateway.log());
        assert_eq!(world.echoed("authorization"), "Bearer orders-gateway");
        let asked = server.asked.lock().unwrap().clone();
        assert!(
            asked.ends_with("\r\n\r\ngrant_type=client_credentials&client_id=orders"),
            "{asked}"
        );
        assert!(
            !asked.to_ascii_lowercase().contains("authorization:"),
            "{asked}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_the_server_does_not_take_is_passed_over() {
    let (clients, others) = (Authority::new("clients"), Authority::new("others"));
    for version in BOTH {
        let server = Server::open(&clients, version);
        let alone = server.setup("certificate: { file: other.pem }");
        let alone = alone.file("other.pem", others.client("other").whole());
        let world = alone.start().await;
        let reply = world.gateway.ask("/partner/x").await;
        let line = &world.gateway.lines(1).await[0];
        let detail = line["detail"].as_str().unwrap();
        assert_eq!(reply.verdict(), is(502, "token_refused"), "{detail}");
        assert!(detail.contains("does not take the certificate"), "{detail}");

        let credentials =
            "{ certificate: { file: other.pem } }, { certificate: { file: own.pem } }";
        let both = server.setup(credentials);
        let both = both.file("other.pem", others.client("other").whole());
        let both = both.file("own.pem", clients.client("second").whole());
        let world = both.start().await;
        assert_eq!(world.gateway.ask("/partner/x").await.status, 200);
        assert_eq!(world.echoed("authorization"), "Bearer second");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_server_of_ca_file_is_shown_nothing() {
    let clients = Authority::new("clients");
    let server = Server::open(&clients, SslVersion::TLS1_3);
    let setup = server.setup("certificate: { file: own.pem }");
    let setup = setup.file("own.pem", clients.client("orders-gateway").whole());
    let setup = setup.file("server.pem", Authority::new("somebody").pem());
    let world = setup.start().await;
    let reply = world.gateway.ask("/partner/x").await;
    assert_eq!(reply.verdict(), is(503, "token_unavailable"));
    let line = &world.gateway.lines(1).await[0];
    let detail = line["detail"].as_str().unwrap();
    assert!(detail.contains("`identities.*.oauth2.ca_file`"), "{detail}");
    assert_eq!(*server.asked.lock().unwrap(), "");
}
