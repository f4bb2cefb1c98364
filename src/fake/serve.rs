//! How does an origin get onto a port? The one file of the fakes that knows sockets: hyper's HTTP/1.1
//! on a listener bound by us, with or without TLS, and a handle that ends both listener and connections.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::error::ErrorStack;
use openssl::sha::Sha256;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_openssl::SslStream;

use super::certificate::KeyPair;
use super::http::{Body, Intake, Origin, Pace, Request, Response};
use crate::clock::UnixTime;

const PATIENCE: Duration = Duration::from_secs(10);
/// So much more than an origin takes is read and dropped, so that the peer sees the refusal and no reset.
const DRAINED: u64 = 16 * 1024 * 1024;
/// After an accept that failed, usually for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Binds a loopback port: the one asked for, or any other when that is taken.
pub fn bind(port: u16) -> io::Result<std::net::TcpListener> {
    match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(taken) if taken.kind() == io::ErrorKind::AddrInUse => {
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        }
        bound => bound,
    }
}

/// Serves an origin until the handle is stopped or dropped. Needs a Tokio runtime around it.
pub fn serve(
    listener: std::net::TcpListener,
    tls: Option<&KeyPair>,
    origin: Arc<dyn Origin>,
) -> io::Result<Running> {
    let address = listener.local_addr()?;
    let acceptor = tls.map(acceptor).transpose()?;
    listener.set_nonblocking(true)?;
    let accepting = accept(TcpListener::from_std(listener)?, acceptor, origin);
    Ok(Running {
        address,
        secure: tls.is_some(),
        task: tokio::spawn(accepting),
    })
}

/// An origin on its port. Dropping it ends the listener and every connection.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    secure: bool,
    task: JoinHandle<()>,
}

impl Running {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn base(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Ends it, and returns when its port is free again.
    pub async fn stop(mut self) {
        self.task.abort();
        // Whatever ended it: the port is free.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: Option<SslAcceptor>, origin: Arc<dyn Origin>) {
    // Ends them all when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((tcp, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        let _ = tcp.set_nodelay(true);
        let (origin, acceptor) = (Arc::clone(&origin), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => converse(tcp, false, origin).await,
                Some(acceptor) => {
                    if let Ok(Ok(tls)) = timeout(PATIENCE, handshake(&acceptor, tcp)).await {
                        converse(tls, true, origin).await;
                    }
                }
            }
        });
    }
}

fn acceptor(pair: &KeyPair) -> Result<SslAcceptor, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    builder.set_certificate(pair.certificate())?;
    for above in pair.chain().skip(1) {
        builder.add_extra_chain_cert(above.clone())?;
    }
    builder.set_private_key(pair.key())?;
    builder.check_private_key()?;
    Ok(builder.build())
}

async fn handshake(acceptor: &SslAcceptor, tcp: TcpStream) -> io::Result<SslStream<TcpStream>> {
    let mut tls = SslStream::new(Ssl::new(acceptor.context())?, tcp)?;
    let shaken = Pin::new(&mut tls).accept().await;
    shaken.map(|()| tls).map_err(io::Error::other)
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    secure: bool,
    origin: Arc<dyn Origin>,
) {
    let service = service_fn(|request| {
        let origin = Arc::clone(&origin);
        async move { Ok::<_, Infallible>(answer(request, secure, &*origin).await) }
    });
    // How a connection ends is the peer's affair.
    let _ = http1::Builder::new()
        .title_case_headers(true)
        .max_headers(256)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: ::http::Request<Incoming>,
    secure: bool,
    origin: &dyn Origin,
) -> ::http::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let is_head = head.method == ::http::Method::HEAD;
    let (response, ends) = match read(body, origin.intake()).await {
        Ok(body) => {
            let target = head.uri.path_and_query();
            let target = target.map_or("/", |target| target.as_str());
            let request = Request {
                secure,
                method: head.method,
                target: target.to_owned(),
                headers: head.headers,
                body,
                at: UnixTime::now(),
            };
            (origin.answer(&request), false)
        }
        Err(status) => (Response::empty(status), true),
    };
    match response.pace {
        Pace::AtOnce => {}
        Pace::After(span) => sleep(span).await,
        // hyper drops this when the peer leaves.
        Pace::Never => std::future::pending().await,
    }
    let mut framed = framed(response, is_head);
    if ends {
        let close = HeaderValue::from_static("close");
        framed.headers_mut().insert(header::CONNECTION, close);
    }
    framed
}

/// A body as far as the origin takes it, or the status that refuses it.
async fn read(mut body: Incoming, intake: Intake) -> Result<Body, StatusCode> {
    let (mut kept, mut length, mut hash) = (Vec::new(), 0_u64, Sha256::new());
    let (most, refuses) = match intake {
        Intake::Whole(most) => (most, true),
        Intake::Beginning(most) => (most, false),
    };
    let is_too_large = |length: u64| refuses && length > most as u64;
    while length <= DRAINED || !is_too_large(length) {
        let frame = match timeout(PATIENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => return Err(StatusCode::BAD_REQUEST),
        };
        let Ok(chunk) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(chunk.len() as u64);
        let room = most.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        hash.update(&chunk);
    }
    if is_too_large(length) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(Body {
        kept,
        length,
        sha256: hash.finish(),
    })
}

fn framed(response: Response, is_head: bool) -> ::http::Response<Full<Bytes>> {
    let has_no_body = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    let length = HeaderValue::from(response.body.len());
    let body = if is_head { Vec::new() } else { response.body };
    let mut answer = ::http::Response::new(Full::from(body));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    if has_no_body.contains(&response.status) {
        *answer.body_mut() = Full::default();
    } else {
        answer.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    answer
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
