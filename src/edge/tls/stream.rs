//! A connection's bytes out of TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use openssl::error::ErrorStack;
use openssl::ssl::{self, Ssl, SslRef};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// The most that one record holds (RFC 8446 §5.1).
const RECORD: usize = 16 * 1024;

pub(in crate::edge) struct TlsStream(SslStream<TcpStream>);

impl TlsStream {
    pub(super) fn new(ssl: Ssl, socket: TcpStream) -> Result<Self, ErrorStack> {
        SslStream::new(ssl, socket).map(Self)
    }

    pub(super) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ssl::Error>> {
        forget_errors();
        Pin::new(&mut self.0).poll_accept(cx)
    }

    pub(super) fn ssl(&self) -> &SslRef {
        self.0.ssl()
    }
}

impl TlsStream {
    /// What was agreed on by ALPN.
    pub(in crate::edge) fn protocol(&self) -> Option<&[u8]> {
        self.ssl().selected_alpn_protocol()
    }
}

/// What somebody else left in this thread's queue would be taken for an error of this connection's
/// (`SSL_get_error` looks there).
fn forget_errors() {
    drop(ErrorStack::get());
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        forget_errors();
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        forget_errors();
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    /// A head and a small body go in one record, and in one packet.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        let (Some(first), rest) = (filled.next(), filled.next()) else {
            return Poll::Ready(Ok(0));
        };
        let Some(second) = rest.filter(|_| first.len() < RECORD) else {
            return self.poll_write(cx, first);
        };
        let all = [first, second].into_iter().chain(filled);
        let mut record = Vec::with_capacity(RECORD);
        for slice in all {
            let room = RECORD - record.len();
            record.extend_from_slice(&slice[..room.min(slice.len())]);
            if record.len() == RECORD {
                break;
            }
        }
        self.poll_write(cx, &record)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forget_errors();
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forget_errors();
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}
