//! A connection's bytes: as they come, or out of TLS; and what a tunnel gets of a caller's.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::tls::TlsStream;

pub enum Socket<T> {
    Plain(TcpStream),
    Unix(UnixStream),
    Tls(T),
}

/// A caller's.
pub(super) type CallerSocket = Socket<Box<TlsStream>>;

impl<T> Socket<T> {
    /// A close from now on is a reset, so that nobody takes what was sent for the whole.
    pub(super) fn reset_on_close(&self) {
        if let Self::Plain(stream) = self {
            // Over TLS the missing close_notify tells (RFC 8446 §6.1).
            let _ = stream.set_zero_linger();
        }
    }
}

macro_rules! both {
    ($me:expr, $stream:ident => $body:expr) => {
        match $me.get_mut() {
            Socket::Plain($stream) => $body,
            Socket::Unix($stream) => $body,
            Socket::Tls($stream) => $body,
        }
    };
}

impl<T: AsyncRead + Unpin> AsyncRead for Socket<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        both!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Socket<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        both!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        both!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        both!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        both!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// A caller's connection after `101`: bytes, and no longer HTTP.
pub struct CallerStream {
    pub(super) socket: CallerSocket,
    pub(super) unsent: Bytes,
    /// What came behind the request's head already.
    pub(super) read: Bytes,
}

impl CallerStream {
    /// Sends what is left of the `101`, and gives what came behind the request.
    pub async fn begin(&mut self) -> io::Result<Bytes> {
        self.socket
            .write_all(&std::mem::take(&mut self.unsent))
            .await?;
        self.socket.flush().await?;
        Ok(std::mem::take(&mut self.read))
    }
}

impl AsyncRead for CallerStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for CallerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
