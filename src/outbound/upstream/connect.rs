//! How is a connection to an upstream made? In clear by tokio alone; over TLS by Pingora's
//! connector, which is made when the first route needs it, for its store of authorities is large.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pingora::connectors::TransportConnector;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error as PingoraError, ErrorType};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::answer_io::UpstreamSocket;
use super::carrier::told;
use super::peer::check_tls;
use crate::edge::{Socket, TlsVersion};

/// Makes the connections of all upstreams.
#[derive(Default)]
pub(super) struct Connector {
    tls: OnceLock<TransportConnector>,
    is_prepared: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the upstream's name is not resolved")]
    Unresolved,
    #[error("the name of the proxy {0} is not resolved")]
    NoProxy(String),
    #[error("not connected within {0:?}")]
    TimedOut(Duration),
    #[error("{0}")]
    Refused(#[from] io::Error),
    #[error("{}", described(.0))]
    Tls(Box<PingoraError>),
    /// What the other side proved is not enough.
    #[error("{0}")]
    Unproven(&'static str),
    #[error("{0}")]
    Codec(#[from] hyper::Error),
    #[error("it does not begin as HTTP/2 does: {}", told(.0))]
    Http2(#[from] h2::Error),
}

impl ConnectError {
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut(_) => true,
            Self::Tls(why) => matches!(
                why.etype(),
                ErrorType::ConnectTimedout | ErrorType::TLSHandshakeTimedout
            ),
            _ => false,
        }
    }
}

impl Connector {
    /// Reads the system's authorities ahead of the first request, which would wait for them.
    pub(super) fn prepare(self: &Arc<Self>) {
        if self.is_prepared.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let connector = Arc::clone(self);
            runtime.spawn_blocking(move || {
                connector.for_tls();
            });
        }
    }

    fn for_tls(&self) -> &TransportConnector {
        self.tls.get_or_init(|| TransportConnector::new(None))
    }

    /// `liveliness`: how long the other end may leave unconfirmed what was sent to it.
    pub(super) async fn plain(
        &self,
        address: SocketAddr,
        most: Duration,
        liveliness: Option<Duration>,
    ) -> Result<UpstreamSocket, ConnectError> {
        let connected = timeout(most, TcpStream::connect(address)).await;
        let stream = connected.map_err(|_| ConnectError::TimedOut(most))??;
        stream.set_nodelay(true)?;
        if let Some(span) = liveliness {
            let span = u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
            rustix::net::sockopt::set_tcp_user_timeout(&stream, span).map_err(io::Error::from)?;
        }
        Ok(Socket::Plain(stream))
    }

    pub(super) async fn unix(
        &self,
        path: &Path,
        most: Duration,
    ) -> Result<UpstreamSocket, ConnectError> {
        let connected = timeout(most, UnixStream::connect(path)).await;
        let stream = connected.map_err(|_| ConnectError::TimedOut(most))??;
        Ok(Socket::Unix(stream))
    }

    /// The peer's options say what the other side must prove.
    pub(super) async fn tls(
        &self,
        peer: &HttpPeer,
        oldest: TlsVersion,
    ) -> Result<UpstreamSocket, ConnectError> {
        let connected = self.for_tls().new_stream(peer).await;
        let stream = connected.map_err(ConnectError::Tls)?;
        let digest = stream.get_ssl_digest();
        let digest = digest.ok_or(ConnectError::Unproven("the connection is not encrypted"))?;
        check_tls(peer, &digest, oldest).map_err(ConnectError::Unproven)?;
        Ok(Socket::Tls(stream))
    }
}

/// The chain of an error; its kind in our own words.
fn described(error: &PingoraError) -> String {
    let kind = match error.etype() {
        ErrorType::ConnectTimedout => "not connected in time",
        ErrorType::ConnectRefused => "the connection was refused",
        ErrorType::ConnectNoRoute => "there is no way to the address",
        ErrorType::TLSHandshakeTimedout => "the TLS handshake took too long",
        ErrorType::TLSHandshakeFailure => "the TLS handshake failed",
        ErrorType::InvalidCert => "the certificate is not accepted",
        _ => "not connected",
    };
    let mut text = kind.to_owned();
    if let Some(context) = &error.context {
        text.push_str(": ");
        text.push_str(context.as_str());
    }
    if let Some(cause) = &error.cause {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    // OpenSSL's own text stops at "certificate verify failed".
    if *error.etype() == ErrorType::InvalidCert {
        text.push_str(
            " (the certificate has expired, is for another host, or is not by an authority of \
             `upstream.ca_file`, without it the system's)",
        );
    }
    text
}
