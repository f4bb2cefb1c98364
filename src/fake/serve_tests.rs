use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fake::fixtures::contoso;
use crate::fake::http::{Intake, Origin, Pace, Request, Response};
use crate::fake::{CertificateAuthority, Contoso, Echo, Ports, Running, bind, serve};

fn start(origin: impl Origin) -> Running {
    serve(bind(0).unwrap(), None, Arc::new(origin)).unwrap()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Sends bytes as they are and reads until the server closes.
async fn exchange(running: &Running, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(running.address()).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn the_neighbourhood_serves_a_token_that_opens_a_mailbox() {
    let world = contoso();
    let open = world.open(Ports::default(), None).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", Contoso::MAIL_CLIENT),
        ("client_secret", world.mail_secret.expose()),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let token = format!(
        "{}/{}/oauth2/v2.0/token",
        open.issuer.base(),
        Contoso::MAIL_TENANT
    );
    let answer = client().post(token).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    let messages = format!(
        "{}/v1.0/users/runs@payroll.contoso.example/messages?$top=3",
        open.mailbox.base()
    );
    let answer = client()
        .get(messages)
        .bearer_auth(answer["access_token"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["value"].as_array().unwrap().len(), 3);
    let sum = client().get(format!("{}/calc/v1/add/1/1", open.echo.base()));
    let sum: Value = sum.send().await.unwrap().json().await.unwrap();
    assert_eq!(sum["result"], 2);
}

#[tokio::test]
async fn tls_is_trusted_by_who_trusts_the_authority_and_by_nobody_else() {
    let world = contoso();
    let authority = CertificateAuthority::generate().unwrap();
    let certificate = authority.issue_for_loopback().unwrap();
    let open = world.open(Ports::default(), Some(&certificate)).unwrap();
    let pem = authority.certificate_pem().unwrap();
    let trusting = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .build()
        .unwrap();
    let port = open.issuer.address().port();
    for base in [
        format!("https://127.0.0.1:{port}"),
        format!("https://localhost:{port}"),
    ] {
        let url = format!(
            "{base}/{}/v2.0/.well-known/openid-configuration",
            Contoso::CALC_TENANT
        );
        let document: Value = trusting
            .get(&url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let keys = document["jwks_uri"].as_str().unwrap();
        assert!(keys.starts_with(&base), "{keys}");
        assert!(
            client().get(&url).send().await.is_err(),
            "not in the system's store"
        );
    }
    assert!(open.echo.base().starts_with("http://"));
}

#[tokio::test]
async fn stopping_frees_the_port_and_ends_the_connections() {
    let echo = Echo::new();
    let running = start(echo.clone());
    let address = running.address();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    idle.read_exact(&mut byte).await.unwrap();
    running.stop().await;

    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    assert!(TcpStream::connect(address).await.is_err());
    let again = std::net::TcpListener::bind(address).unwrap();
    let _running = serve(again, None, Arc::new(echo.clone())).unwrap();
    let url = format!("http://{address}/");
    assert_eq!(client().get(url).send().await.unwrap().status(), 200);
    assert_eq!(echo.count(), 2);
}

#[tokio::test]
async fn a_port_that_is_taken_is_left_alone() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let other = bind(port).unwrap().local_addr().unwrap();
    assert_ne!(other.port(), port);
    assert!(other.ip().is_loopback());
}

#[tokio::test]
async fn bodies_stream_in_whole_or_are_refused() {
    let echo = Echo::new();
    let running = start(echo.clone());
    let large = vec![b'x'; 3 * 1024 * 1024];
    let answer = client()
        .post(running.base())
        .body(large.clone())
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["body"]["length"], large.len());
    let last = echo.last().unwrap().body;
    assert_eq!(last.sha256, openssl::sha::sha256(&large));
    assert_eq!(last.kept.len(), 1024 * 1024);

    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let answer = exchange(&running, chunked.as_bytes()).await;
    assert!(answer.contains("\"text\":\"hello world\""), "{answer}");
    let patient = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
                   Content-Length: 2\r\n\r\nhi";
    let answer = exchange(&running, patient.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"),
        "{answer}"
    );

    let issuer = start(contoso().issuer);
    let answer = client()
        .post(issuer.base())
        .body(vec![b'x'; 65 * 1024])
        .send()
        .await;
    assert_eq!(answer.unwrap().status(), 413);
}

#[tokio::test]
async fn connections_live_and_end_as_http_says() {
    let running = start(Echo::new());
    let head = "HEAD /?bytes=10 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&running, head.as_bytes()).await;
    assert!(
        answer.contains("Content-Length: 10\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    let old = "GET /?bytes=10 HTTP/1.0\r\n\r\n";
    assert!(
        exchange(&running, old.as_bytes())
            .await
            .ends_with("\r\n\r\n0123456789")
    );
    let two = "GET /?bytes=3 HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut socket = TcpStream::connect(running.address()).await.unwrap();
    for _ in 0..2 {
        socket.write_all(two.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n012") {
            seen.push(socket.read_u8().await.unwrap());
        }
    }
    let empty = "GET /?status=204 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&running, empty.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 204") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
}

/// Answers at the pace it is told.
struct Paced(Pace);

impl Origin for Paced {
    fn intake(&self) -> Intake {
        Intake::Whole(0)
    }

    fn answer(&self, _: &Request) -> Response {
        Response::json(::http::StatusCode::OK, &json!({})).paced(self.0)
    }
}

#[tokio::test]
async fn silence_lasts_until_the_peer_or_the_server_ends_it() {
    let running = start(Paced(Pace::Never));
    let mut waiting = TcpStream::connect(running.address()).await.unwrap();
    waiting
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let slow = start(Paced(Pace::After(Duration::from_millis(1))));
    let answer = exchange(&slow, b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    let mut buffer = [0; 1];
    let early = waiting.try_read(&mut buffer).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
    running.stop().await;
    let ended = waiting.read(&mut buffer).await;
    assert!(matches!(ended, Ok(0) | Err(_)));
}
