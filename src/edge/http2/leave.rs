//! What is written on a connection of HTTP/2, and how it is left: the codec's frames are followed on their
//! way, a peer that reads nothing is not waited for, and where the codec cannot say goodbye any more, it is
//! said here.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::guard::Guard;
use crate::edge::Misread;
use crate::edge::linger::Linger;
use crate::http2::{Fault, Frame};

/// Of a reset: more streams than there may be (RFC 9113 §7).
const REFUSED_STREAM: u32 = 0x7;
/// A GOAWAY frame without its code. It names no stream: each may have been served, or not.
const GOAWAY: [u8; 13] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff];

impl Guard {
    fn wrote(&mut self, bytes: &[u8]) {
        let Self {
            sent,
            frames,
            unmet,
            refused,
            heads,
            ..
        } = self;
        sent.follow(bytes, |frame| {
            let (stream, fault) = match frame {
                Frame::Data { bytes, is_last } => {
                    frames.carried(bytes);
                    if is_last {
                        frames.answered();
                    }
                    return;
                }
                Frame::GoAway => return,
                Frame::Head { stream, is_last } => {
                    if is_last {
                        frames.answered();
                    }
                    heads.went(stream);
                    // The codec's own answer.
                    (stream, Fault::HeadTooLarge)
                }
                Frame::Reset { stream, code } => {
                    let fault = match code {
                        REFUSED_STREAM => Fault::Streams,
                        _ => Fault::Stream,
                    };
                    (stream, fault)
                }
            };
            if let Some(at) = unmet.iter().position(|unmet| unmet.stream == stream) {
                unmet.remove(at);
                refused.push(fault);
            }
        });
    }

    /// Says goodbye where the codec cannot any more, and takes leave.
    pub(super) async fn close(&mut self) {
        let patient = !self.conversation.is_leaving();
        let code = match self.conversation.misread() {
            Some(Misread::Http2(fault)) => Some(fault.code()),
            Some(_) => Some(0),
            None => None,
        };
        if let Some(code) = code.filter(|_| self.sent.is_between_frames()) {
            let mut goaway = Bytes::from([&GOAWAY[..], &code.to_be_bytes()].concat());
            let _ = std::future::poll_fn(|cx| {
                while goaway.has_remaining() {
                    let written = Pin::new(&mut self.socket).poll_write(cx, &goaway);
                    let bytes = match self.stall.bound(cx, written) {
                        Poll::Ready(Ok(bytes)) if bytes > 0 => bytes,
                        Poll::Ready(_) => return Poll::Ready(()),
                        Poll::Pending if !patient => return Poll::Ready(()),
                        Poll::Pending => return Poll::Pending,
                    };
                    goaway.advance(bytes);
                }
                Poll::Ready(())
            })
            .await;
        }
        let mut linger = Linger::new(code.is_some(), patient);
        // A peer that is gone needs no goodbye.
        let _ = std::future::poll_fn(|cx| {
            let ended = Pin::new(&mut self.socket).poll_shutdown(cx);
            self.stall.bound(cx, ended)
        })
        .await;
        std::future::poll_fn(|cx| linger.poll(cx, Pin::new(&mut self.socket))).await;
    }
}

impl AsyncWrite for Guard {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = Pin::new(&mut me.socket).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(bytes)) = written {
            let mut left = bytes;
            for slice in slices {
                let length = left.min(slice.len());
                me.wrote(&slice[..length]);
                left -= length;
            }
        }
        me.stall.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let flushed = Pin::new(&mut me.socket).poll_flush(cx);
        // The codec flushes when it holds nothing more itself.
        if matches!(flushed, Poll::Ready(Ok(()))) {
            me.conversation.flushed();
        }
        me.stall.bound(cx, flushed)
    }

    /// The codec has done its part; the connection's task takes leave by `close`.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
