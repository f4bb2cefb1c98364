use std::sync::Arc;

use openssl::ssl::{SslAcceptor, SslMethod};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::http_client::answer::append;

/// Answers each connection's one request with `reply`; hands the request's bytes back.
async fn server(reply: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..read]);
            if read == 0 || whole(&seen) {
                break;
            }
        }
        stream.write_all(reply.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(seen).unwrap()
    });
    (url, seen)
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    body.len() >= length.unwrap_or(0)
}

fn client() -> HttpClient {
    HttpClient::new(&FetchDefinition::default()).unwrap()
}

#[tokio::test]
async fn a_form_is_encoded_and_carries_no_origin() {
    let (url, seen) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    let form = [
        ("scope", "https://graph.microsoft.com/.default"),
        ("client_secret", "p~q8+&= %é"),
    ];
    let answer = client().post_form(&url, &form, 16).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    let seen = seen.await.unwrap();
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert_eq!(
        body,
        "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default&client_secret=p%7Eq8%2B%26%3D+%25%C3%A9"
    );
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(head.contains(&format!("content-length: {}", body.len())));
    assert!(head.contains(concat!(
        "user-agent: bearergate/",
        env!("CARGO_PKG_VERSION")
    )));
    for absent in [
        "origin:",
        "referer:",
        "cookie:",
        "authorization:",
        "expect:",
    ] {
        assert!(!head.contains(absent), "{absent} was sent");
    }
}

#[tokio::test]
async fn any_status_is_an_answer_and_redirects_are_not_followed() {
    let (url, _) = server(
        "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let answer = client().fetch(&url, 16).await.unwrap();
    assert_eq!(answer.status, 302);
    let (url, _) = server("HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n").await;
    let answer = client().fetch(&url, 16).await.unwrap();
    assert_eq!(
        (answer.status, &answer.headers["retry-after"]),
        (503, &http::HeaderValue::from_static("7"))
    );
}

#[tokio::test]
async fn the_size_is_bounded_announced_or_not() {
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345", Ok(5)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456",
            Err(FetchError::TooLarge(5)),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n1",
            Err(FetchError::TooLarge(5)),
        ),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345", Ok(5)),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n123456",
            Err(FetchError::TooLarge(5)),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n3\r\n456\r\n0\r\n\r\n",
            Err(FetchError::TooLarge(5)),
        ),
    ];
    for (reply, expected) in cases {
        let (url, _) = server(reply).await;
        let got = client()
            .fetch(&url, 5)
            .await
            .map(|answer| answer.body.len());
        assert_eq!(got, expected, "{reply}");
    }
}

#[tokio::test]
async fn a_broken_answer_is_an_error() {
    for reply in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123",
        "SSH-2.0-x\r\n",
    ] {
        let (url, _) = server(reply).await;
        assert!(matches!(
            client().fetch(&url, 64).await,
            Err(FetchError::Failed(_))
        ));
    }
}

#[tokio::test]
async fn the_whole_exchange_has_a_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?code=s3cret", listener.local_addr().unwrap());
    let client = HttpClient::new(&FetchDefinition {
        timeout: Duration::from_millis(20),
        ..FetchDefinition::default()
    })
    .unwrap();
    let error = client.fetch(&url, 64).await.unwrap_err().to_string();
    assert!(error.contains("timed out"), "{error}");
}

#[tokio::test]
async fn errors_tell_the_causes_but_not_the_query() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("http://127.0.0.1:{port}/token?code=s3cret");
    let error = client().fetch(&url, 64).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
    assert!(
        !error.contains("s3cret") && !error.contains("/token"),
        "{error}"
    );
}

#[tokio::test]
async fn plain_http_leaves_the_host_for_nobody() {
    for url in [
        "http://login.microsoftonline.com/",
        "http://169.254.169.254/metadata",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
    ] {
        let got = client().fetch(url, 64).await.unwrap_err();
        assert_eq!(got, FetchError::Insecure, "{url}");
    }
    assert!(allowed("http://127.8.9.1:8080/").is_ok());
    assert!(allowed("http://[::1]:8080/").is_ok());
    assert!(matches!(allowed("no url"), Err(FetchError::Failed(_))));
}

#[tokio::test]
async fn localhost_is_this_host_whatever_the_resolver_says() {
    let (url, _) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let url = url.replace("127.0.0.1", "localhost");
    assert_eq!(client().fetch(&url, 64).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_proxy_is_for_https_off_this_host_only() {
    let (proxy, tunnelled) = server("HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n").await;
    let mut proxy = Url::parse(&proxy).unwrap();
    proxy.set_username("gate").unwrap();
    proxy.set_password(Some("hidden-word")).unwrap();
    let definition = FetchDefinition {
        proxy: Some(proxy),
        ..FetchDefinition::default()
    };
    assert!(!format!("{definition:?}").contains("hidden-word"));
    let client = HttpClient::new(&definition).unwrap();

    let (direct, _) = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.fetch(&direct, 64).await.unwrap().status, 200);

    let error = client.fetch("https://entra.invalid/?q=s3cret", 64).await;
    let error = error.unwrap_err().to_string();
    assert!(
        !error.contains("hidden-word") && !error.contains("s3cret"),
        "{error}"
    );
    let port = definition.proxy.as_ref().and_then(Url::port).unwrap();
    let way = format!("through the proxy 127.0.0.1:{port}");
    assert!(error.contains(&way), "{error}");
    let tunnelled = tunnelled.await.unwrap();
    assert!(
        tunnelled.starts_with("CONNECT entra.invalid:443 "),
        "{tunnelled}"
    );
    assert!(
        tunnelled
            .to_ascii_lowercase()
            .contains("proxy-authorization: basic ")
    );
}

#[tokio::test]
async fn what_no_proxy_lists_is_asked_directly() {
    let definition = FetchDefinition {
        // Nobody is there: whoever were asked through it would say so.
        proxy: Some(Url::parse("http://127.0.0.1:9").unwrap()),
        no_proxy: vec!["entra.invalid".to_owned()],
        ..FetchDefinition::default()
    };
    let client = HttpClient::new(&definition).unwrap();
    for (url, through) in [
        ("https://login.entra.invalid/", false),
        ("https://other.invalid/", true),
    ] {
        let error = client.fetch(url, 64).await.unwrap_err().to_string();
        assert_eq!(error.contains("through the proxy"), through, "{error}");
        assert_eq!(error.contains("refused"), through, "{error}");
    }
}

#[tokio::test]
async fn authorities_are_read_when_something_encrypted_is_first_asked_for() {
    let client = client();
    let (url, _seen) = server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    client.fetch(&url, 16).await.unwrap();
    assert!(client.inner.encrypted.get().is_none());
    let (_, url) = tls_server();
    assert!(client.fetch(&url, 16).await.is_err(), "by nobody known");
    assert!(client.inner.encrypted.get().is_some());
}

#[tokio::test]
async fn only_the_given_authorities_are_trusted() {
    let (mine, url) = tls_server();
    let (other, _) = self_signed("localhost");
    let with = |ca_pem| {
        HttpClient::new(&FetchDefinition {
            ca_pem,
            ..FetchDefinition::default()
        })
        .unwrap()
    };
    assert_eq!(with(Some(mine)).fetch(&url, 64).await.unwrap().status, 200);
    for ca_pem in [None, Some(other.to_pem().unwrap())] {
        let error = with(ca_pem).fetch(&url, 64).await.unwrap_err().to_string();
        assert!(error.contains("certificate verify failed"), "{error}");
        assert!(error.contains("`fetch.ca_file`"), "{error}");
    }
}

/// Serves TLS on a thread that ends with the test's process.
fn tls_server() -> (Vec<u8>, String) {
    use std::io::{Read, Write};

    let (certificate, key) = self_signed("localhost");
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let acceptor: Arc<SslAcceptor> = Arc::new(acceptor.build());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}/",
        listener.local_addr().unwrap().port()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Ok(mut stream) = acceptor.accept(stream.unwrap()) {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    (certificate.to_pem().unwrap(), url)
}

fn self_signed(
    name: &str,
) -> (
    openssl::x509::X509,
    openssl::pkey::PKey<openssl::pkey::Private>,
) {
    use openssl::asn1::Asn1Time;
    use openssl::hash::MessageDigest;
    use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};

    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = openssl::x509::X509Name::builder().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(1).unwrap())
        .unwrap();
    let constraints = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(constraints).unwrap();
    let names = SubjectAlternativeName::new()
        .dns(name)
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

#[test]
fn unusable_settings_are_refused() {
    for pem in [
        &b""[..],
        b"no pem",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let definition = FetchDefinition {
            ca_pem: Some(pem.to_vec()),
            ..FetchDefinition::default()
        };
        assert!(HttpClient::new(&definition).is_err());
    }
    let definition = FetchDefinition {
        proxy: Some(Url::parse("socks5://127.0.0.1:1080").unwrap()),
        ..FetchDefinition::default()
    };
    assert!(HttpClient::new(&definition).is_err());
}

#[test]
fn a_body_is_never_shown() {
    let answer = Answer {
        status: 200,
        headers: http::HeaderMap::new(),
        body: Zeroizing::new(b"abc".to_vec()),
    };
    assert_eq!(
        format!("{answer:?}"),
        "Answer { status: 200, body_length: 3, .. }"
    );
}

#[test]
fn growing_keeps_every_byte() {
    let mut body = Zeroizing::new(Vec::new());
    let mut expected = Vec::new();
    for round in 0..20_u8 {
        let chunk = vec![round; usize::from(round) * 7];
        append(&mut body, &chunk);
        expected.extend_from_slice(&chunk);
    }
    assert_eq!(*body, expected);
}
