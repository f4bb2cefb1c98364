//! A stream whose messages are followed while they are read: what the codec above gets has one
//! meaning, and never more than belongs to the message at hand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use crate::http1::{Step, Violation, Walker, respelled, told};

/// What came.
#[derive(Debug)]
pub enum Came {
    /// Bytes for the codec, in its buffer.
    Bytes,
    /// The whole head of an interim answer, which is not for the codec.
    Interim(Bytes),
    /// The connection's end, where a message may end.
    End,
}

#[derive(Debug)]
pub struct Framed<S> {
    pub stream: S,
    pub walker: Walker,
    /// Read, and not handed on: the beginning of a head, or what follows the message at hand.
    pending: BytesMut,
    /// How many bytes of it are judged and have had no room in the codec's buffer.
    judged: usize,
    /// Its bytes are the beginning of a head: more must come before they can be judged.
    held: bool,
}

impl<S: AsyncRead + Unpin> Framed<S> {
    pub fn new(stream: S, walker: Walker) -> Self {
        Self {
            stream,
            walker,
            pending: BytesMut::new(),
            judged: 0,
            held: false,
        }
    }

    /// With what was read of it already.
    pub fn with(mut self, read: BytesMut) -> Self {
        self.pending = read;
        self
    }

    /// Whether bytes have come that the codec has not got.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// How many bytes of memory they take.
    pub fn pending_bytes(&self) -> usize {
        self.pending.capacity()
    }

    /// Whether more of what was judged waits for room in the codec's buffer.
    pub fn has_judged(&self) -> bool {
        self.judged > 0
    }

    /// Takes apart: the stream, and what was read and not handed on.
    pub fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.pending.freeze())
    }

    /// Reads on in the message at hand, or begins the next. An error of kind `InvalidData` holds
    /// the `Violation` that was met.
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Came>> {
        loop {
            if self.judged > 0 {
                let bytes = self.judged.min(buf.remaining());
                buf.put_slice(&self.pending[..bytes]);
                self.pending.advance(bytes);
                self.judged -= bytes;
                if self.pending.is_empty() {
                    // It would keep the room of all that ever waited.
                    self.pending = BytesMut::new();
                }
                return Poll::Ready(Ok(Came::Bytes));
            }
            if !self.pending.is_empty() && !self.held {
                let step = self.walker.step(&self.pending);
                if step == Err(Violation::Target) && self.respell() {
                    continue;
                }
                match step.map_err(violation)? {
                    Step::Hold => self.held = true,
                    Step::Interim(bytes) => return Poll::Ready(Ok(self.interim(bytes))),
                    Step::Pass { bytes, .. } => self.judged = bytes,
                }
                continue;
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            let came = &buf.filled()[before..];
            if came.is_empty() {
                self.walker.end().map_err(violation)?;
                return Poll::Ready(Ok(Came::End));
            }
            if self.held {
                self.pending.extend_from_slice(came);
                buf.set_filled(before);
                self.held = false;
                continue;
            }
            let step = match self.walker.step(came) {
                Ok(step) => step,
                Err(why) => {
                    // INVARIANT: nothing was pending; what came is kept to be respelled, or told.
                    self.pending.extend_from_slice(came);
                    buf.set_filled(before);
                    if why == Violation::Target && self.respell() {
                        continue;
                    }
                    return Poll::Ready(Err(violation(why)));
                }
            };
            let passed = match step {
                Step::Pass { bytes, .. } => bytes,
                Step::Hold => {
                    self.held = true;
                    0
                }
                Step::Interim(bytes) => {
                    self.pending.extend_from_slice(came);
                    buf.set_filled(before);
                    return Poll::Ready(Ok(self.interim(bytes)));
                }
            };
            if passed < came.len() {
                self.pending.extend_from_slice(&came[passed..]);
                buf.set_filled(before + passed);
            }
            if passed > 0 {
                return Poll::Ready(Ok(Came::Bytes));
            }
        }
    }

    /// Takes in what comes while nothing is to be handed on, up to `most` bytes. `Ok(false)`: the
    /// other side has closed its half.
    pub fn poll_ahead(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<bool>> {
        while self.pending.len() < most {
            let before = scratch.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, scratch))?;
            let came = &scratch.filled()[before..];
            if came.is_empty() {
                return Poll::Ready(Ok(false));
            }
            self.pending.extend_from_slice(came);
            scratch.set_filled(before);
        }
        Poll::Ready(Ok(true))
    }

    /// Escapes what no target may hold. False where that is not all that is wrong with it.
    fn respell(&mut self) -> bool {
        let Some(respelled) = respelled(&self.pending) else {
            return false;
        };
        self.pending = respelled;
        self.walker.begin_again();
        true
    }

    /// Of a head that was malformed: the method and a cut of the path.
    pub fn told(&self) -> (&[u8], &[u8]) {
        told(&self.pending)
    }

    fn interim(&mut self, bytes: usize) -> Came {
        Came::Interim(self.pending.split_to(bytes).freeze())
    }
}

fn violation(why: Violation) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
