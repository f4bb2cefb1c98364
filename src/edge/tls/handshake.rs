//! What may a handshake take? Its sums are done on threads of their own, which yield to the others: a
//! flood of handshakes keeps nobody waiting who has shaken hands, or speaks in clear.

use std::sync::LazyLock;
use std::{future, io};

use openssl::error::ErrorStack;
use openssl::ssl;
use openssl::x509::X509VerifyResult;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

use super::{Tls, TlsStream};
use crate::telemetry::Refused;

/// How far handshakes yield to what is served (`nice`, 0 to 19): where both want all of a core, a third
/// of it is left to them.
const YIELDING: i32 = 5;

#[derive(Debug, thiserror::Error)]
pub(in crate::edge) enum HandshakeError {
    #[error("{0}")]
    Setup(#[from] ErrorStack),
    /// The caller's certificate was asked for, and there is none, or none that holds.
    #[error("the client certificate: {0}")]
    Certificate(&'static str),
    #[error("{0}")]
    Failed(#[from] ssl::Error),
    #[error("{0}")]
    Aborted(#[from] JoinError),
}

impl HandshakeError {
    pub(in crate::edge) fn cause(&self) -> Refused {
        match self {
            Self::Certificate(_) => Refused::ClientCertificate,
            Self::Setup(_) | Self::Failed(_) | Self::Aborted(_) => Refused::Tls,
        }
    }
}

impl Tls {
    /// Shakes hands. How long that may take is the caller's to bound: when this is dropped, it ends.
    pub(in crate::edge) async fn handshake(
        &self,
        socket: TcpStream,
    ) -> Result<TlsStream, HandshakeError> {
        let mut stream = TlsStream::new(self.connection()?, socket)?;
        let shaking = async move {
            match future::poll_fn(|cx| stream.poll_accept(cx)).await {
                Ok(()) => Ok(stream),
                Err(why) => Err(told(&stream, why)),
            }
        };
        match &*POOL {
            Some(pool) => Ending(pool.spawn(shaking)).await?,
            None => shaking.await,
        }
    }
}

/// What to tell of one that failed.
fn told(stream: &TlsStream, why: ssl::Error) -> HandshakeError {
    let verified = stream.ssl().verify_result();
    if verified != X509VerifyResult::OK {
        return HandshakeError::Certificate(verified.error_string());
    }
    let errors = why.ssl_error().map(ErrorStack::errors).unwrap_or_default();
    let is = |reason| errors.iter().any(|error| error.reason() == Some(reason));
    if is("peer did not return a certificate") {
        return HandshakeError::Certificate("there is none");
    }
    HandshakeError::Failed(why)
}

/// Half of the cores, and one at least. They last as long as the process.
static POOL: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = Builder::new_multi_thread()
        .worker_threads((cores / 2).max(1))
        .thread_name("handshakes")
        .on_thread_start(|| {
            // Of the calling thread only. Where it is refused, they compete as equals.
            let _ = rustix::process::setpriority_process(None, YIELDING);
        })
        .build();
    let refused = |why: &io::Error| tracing::warn!(%why, "handshakes get no threads of their own");
    pool.inspect_err(refused).ok()
});

/// A task that ends when nobody waits for it any more.
struct Ending<T>(JoinHandle<T>);

impl<T> Future for Ending<T> {
    type Output = Result<T, JoinError>;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
