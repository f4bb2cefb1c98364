//! One exchange with a server that is known by its certificate's thumbprint and by nothing else: no
//! authority, no name, no dates. The thumbprint is compared before a byte of the request is written.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openssl::hash::MessageDigest;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use zeroize::Zeroizing;

use super::answer::{Answer, FetchError, append};
use super::client::JSON;
use super::platform::{PlatformRequest, Thumbprint};

pub(super) async fn ask(
    question: &PlatformRequest,
    thumbprint: Thumbprint,
    within: Duration,
    limit: usize,
) -> Result<Answer, FetchError> {
    let asked = exchange(question, thumbprint, limit);
    let answered = tokio::time::timeout(within, asked).await;
    answered.unwrap_or_else(|_| Err(failed("operation timed out")))
}

async fn exchange(
    question: &PlatformRequest,
    thumbprint: Thumbprint,
    limit: usize,
) -> Result<Answer, FetchError> {
    let url = &question.url;
    let host = url.host_str().filter(|_| url.scheme() == "https");
    let (Some(host), Some(port)) = (host, url.port_or_known_default()) else {
        return Err(FetchError::Insecure);
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((address, port)).await.map_err(failed)?;
    let stream = verified(stream, thumbprint).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // It ends with the answer, or with this attempt: the sender is all that keeps it.
    let connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
    let target = url.query().map_or_else(
        || url.path().to_owned(),
        |query| format!("{}?{query}", url.path()),
    );
    let mut request = Request::get(target)
        .header(HOST, url.authority())
        .header(ACCEPT, JSON)
        .body(Empty::<Bytes>::new())
        .map_err(failed)?;
    request.headers_mut().extend(question.headers.clone());
    let response = sender.send_request(request).await.map_err(failed)?;
    let (head, mut content) = response.into_parts();
    let mut body = Zeroizing::new(Vec::new());
    while let Some(frame) = content.frame().await {
        let Ok(chunk) = frame.map_err(failed)?.into_data() else {
            continue;
        };
        if chunk.len() > limit - body.len() {
            return Err(FetchError::TooLarge(limit));
        }
        append(&mut body, &chunk);
    }
    drop(connection);
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

/// TLS with the server that has this certificate, and its key.
async fn verified(
    stream: TcpStream,
    Thumbprint(expected): Thumbprint,
) -> Result<SslStream<TcpStream>, FetchError> {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(failed)?;
    builder
        .set_min_proto_version(Some(SslVersion::TLS1_2))
        .map_err(failed)?;
    // The handshake proves that the peer holds the certificate's key, whoever signed it.
    builder.set_verify(SslVerifyMode::NONE);
    let mut configuration = builder.build().configure().map_err(failed)?;
    configuration.set_verify_hostname(false);
    configuration.set_use_server_name_indication(false);
    let ssl = configuration.into_ssl("").map_err(failed)?;
    let mut stream = SslStream::new(ssl, stream).map_err(failed)?;
    Pin::new(&mut stream).connect().await.map_err(failed)?;
    // SECURITY: what is asked with is a secret, and only this server may read it.
    let shown = stream.ssl().peer_certificate();
    let digest = shown.and_then(|it| it.digest(MessageDigest::sha1()).ok());
    match digest {
        Some(digest) if *digest == expected => Ok(stream),
        _ => Err(failed(
            "the server shows another certificate than the thumbprint says",
        )),
    }
}

fn failed(why: impl std::fmt::Display) -> FetchError {
    FetchError::Failed(why.to_string())
}
