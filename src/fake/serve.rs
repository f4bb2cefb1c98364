//! How does an origin get onto a port? The one file of the fakes that knows sockets: Pingora's HTTP/1.1
//! on a listener bound by us, with or without TLS, and a handle that ends both listener and connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderValue, Method, StatusCode, Version, header};
use async_trait::async_trait;
use openssl::sha::Sha256;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::X509;
use pingora::apps::ServerApp;
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::server::handshake;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::certificate::ServerCertificate;
use super::http::{Body, Intake, Origin, Pace, Request, Response};
use crate::clock::UnixTime;

/// Connections at a time; the fakes serve one machine.
const CONNECTIONS: usize = 4096;
/// For a TLS handshake, and for each read of a body.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an accept that failed, usually for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Binds a loopback port: the one asked for, or any other when that is taken.
///
/// # Errors
/// When no port can be had.
pub fn bind(port: u16) -> io::Result<std::net::TcpListener> {
    match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(taken) if taken.kind() == io::ErrorKind::AddrInUse => {
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        }
        bound => bound,
    }
}

/// Serves an origin until the handle is stopped or dropped. Needs a Tokio runtime around it.
///
/// # Errors
/// When the listener or the certificate is not usable.
pub fn serve(
    listener: std::net::TcpListener,
    tls: Option<&ServerCertificate>,
    origin: Arc<dyn Origin>,
) -> io::Result<Running> {
    let address = listener.local_addr()?;
    let acceptor = tls.map(acceptor).transpose()?;
    listener.set_nonblocking(true)?;
    let site = Arc::new(Site {
        secure: acceptor.is_some(),
        origin,
    });
    let (stop, stopped) = watch::channel(false);
    let accepting = accept(TcpListener::from_std(listener)?, acceptor, site, stopped);
    Ok(Running {
        address,
        secure: tls.is_some(),
        stop,
        task: tokio::spawn(accepting),
    })
}

/// An origin on its port. Dropping it ends the listener and every connection.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    secure: bool,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme and authority to reach it by.
    pub fn base(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Ends it, and returns when its port is free again.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // A join error is a panic of the accept loop; the port is free in that case too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<SslAcceptor>,
    site: Arc<Site>,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            _ = stop.changed() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((tcp, _)) = accepted else {
            sleep(PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let _ = tcp.set_nodelay(true);
        let (site, acceptor, stop) = (Arc::clone(&site), acceptor.clone(), stop.clone());
        connections.spawn(async move {
            let _place = place;
            let stream: Stream = match &acceptor {
                None => Box::new(L4Stream::from(tcp)),
                Some(acceptor) => {
                    match timeout(PATIENCE, handshake(acceptor, L4Stream::from(tcp))).await {
                        Ok(Ok(stream)) => Box::new(stream),
                        _ => return,
                    }
                }
            };
            site.process_new(stream, &stop).await;
        });
    }
    drop(listener);
    connections.shutdown().await;
}

fn acceptor(certificate: &ServerCertificate) -> io::Result<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    let mut chain = X509::stack_from_pem(&certificate.chain_pem)?.into_iter();
    let leaf = chain.next().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the certificate's PEM is empty",
        )
    })?;
    builder.set_certificate(&leaf)?;
    for above in chain {
        builder.add_extra_chain_cert(above)?;
    }
    builder.set_private_key(certificate.key())?;
    builder.check_private_key()?;
    Ok(builder.build())
}

/// An origin as Pingora sees it.
struct Site {
    secure: bool,
    origin: Arc<dyn Origin>,
}

#[async_trait]
impl ServeHttp for Site {
    async fn response(&self, session: &mut ServerSession) -> ::http::Response<Vec<u8>> {
        session.set_read_timeout(Some(PATIENCE));
        session.set_total_drain_timeout(Some(PATIENCE));
        if session.req_header().version < Version::HTTP_11 {
            // Pingora's adapter keeps alive what HTTP/1.0 meant to close.
            session.set_keepalive(None);
        }
        let response = match read_body(session, self.origin.intake()).await {
            Taken::Body(body) => self.origin.answer(&self.request(session, body)),
            Taken::TooLarge => {
                session.set_keepalive(None);
                self.origin.refuse_large_body()
            }
            Taken::Broken => {
                session.set_keepalive(None);
                Response::empty(StatusCode::BAD_REQUEST)
            }
        };
        match response.pace {
            Pace::AtOnce => {}
            Pace::After(span) => sleep(span).await,
            Pace::Never => {
                // Ends in an error when the peer leaves.
                let _ = session.read_body_or_idle(true).await;
                session.set_keepalive(None);
            }
        }
        framed(response, &session.req_header().method)
    }
}

impl Site {
    fn request(&self, session: &ServerSession, body: Body) -> Request {
        let header = session.req_header();
        Request {
            secure: self.secure,
            method: header.method.clone(),
            target: String::from_utf8_lossy(header.raw_path()).into_owned(),
            headers: header.headers.clone(),
            body,
            at: UnixTime::now(),
        }
    }
}

enum Taken {
    Body(Body),
    TooLarge,
    Broken,
}

async fn read_body(session: &mut ServerSession, intake: Intake) -> Taken {
    let expects = session
        .get_header(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if expects && session.write_continue_response().await.is_err() {
        return Taken::Broken;
    }
    let (mut kept, mut length, mut hash) = (Vec::new(), 0_u64, Sha256::new());
    loop {
        let chunk = match session.read_request_body().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(_) => return Taken::Broken,
        };
        length = length.saturating_add(chunk.len() as u64);
        let room = match intake {
            Intake::Whole(most) if length > most as u64 => return Taken::TooLarge,
            Intake::Whole(most) | Intake::Beginning(most) => most.saturating_sub(kept.len()),
        };
        kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
        hash.update(&chunk);
    }
    Taken::Body(Body {
        kept,
        length,
        sha256: hash.finish(),
    })
}

fn framed(response: Response, method: &Method) -> ::http::Response<Vec<u8>> {
    let mut answer = ::http::Response::new(Vec::new());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    if !matches!(
        response.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    ) {
        answer.headers_mut().insert(
            header::CONTENT_LENGTH,
            HeaderValue::from(response.body.len()),
        );
        if *method != Method::HEAD {
            *answer.body_mut() = response.body;
        }
    }
    answer
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
