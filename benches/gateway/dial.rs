//! A connection of the load, in clear or over TLS. Each handshake is a whole one: nothing is resumed.

use std::pin::Pin;

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::world::wire::Wire;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Who connects.
pub(super) struct Dial {
    address: String,
    tls: Option<SslConnector>,
}

impl Dial {
    pub(super) fn new(address: &str, wire: Wire) -> Self {
        let connector = || {
            let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
            builder.set_verify(SslVerifyMode::NONE);
            let protocol: &[u8] = if wire.is_http2() {
                b"\x02h2"
            } else {
                b"\x08http/1.1"
            };
            builder.set_alpn_protos(protocol).unwrap();
            builder.build()
        };
        Self {
            address: address.to_owned(),
            tls: wire.is_encrypted().then(connector),
        }
    }

    pub(super) async fn connect(&self) -> Result<Box<dyn Stream>, String> {
        let socket = TcpStream::connect(&self.address).await.map_err(told)?;
        socket.set_nodelay(true).map_err(told)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(socket));
        };
        let ssl = tls.configure().and_then(|it| it.into_ssl("localhost"));
        let stream = ssl.and_then(|ssl| SslStream::new(ssl, socket));
        let mut stream = stream.map_err(told)?;
        Pin::new(&mut stream).connect().await.map_err(told)?;
        Ok(Box::new(stream))
    }
}

pub(super) fn told(why: impl std::fmt::Display) -> String {
    why.to_string()
}
