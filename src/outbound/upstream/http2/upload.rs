//! A request's body on its way by HTTP/2: no more of it is taken from the caller than the upstream
//! has room for.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;

use super::super::RequestBody;

pub(super) struct Upload {
    body: RequestBody,
    /// `None`: nothing more goes.
    stream: Option<SendStream<Bytes>>,
    /// Taken, and waiting for room.
    waits: Bytes,
}

impl Upload {
    /// Of a request whose head has ended the stream already.
    pub(super) fn none() -> Self {
        Self {
            body: RequestBody::none(),
            stream: None,
            waits: Bytes::new(),
        }
    }

    pub(super) fn of(body: RequestBody, stream: SendStream<Bytes>) -> Self {
        Self {
            body,
            stream: Some(stream),
            waits: Bytes::new(),
        }
    }

    /// Sends what can be sent. True where some of it went.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        let mut went = false;
        while let Some(stream) = &mut self.stream {
            if !self.waits.is_empty() {
                if stream.capacity() == 0 {
                    stream.reserve_capacity(self.waits.len());
                    match stream.poll_capacity(cx) {
                        Poll::Ready(Some(Ok(_))) => continue,
                        // The answer says why.
                        Poll::Ready(_) => self.stream = None,
                        Poll::Pending => {}
                    }
                    return went;
                }
                let room = stream.capacity().min(self.waits.len());
                let piece = self.waits.split_to(room);
                let ends = self.waits.is_empty() && self.body.is_sent();
                let sent = stream.send_data(piece, ends);
                went = true;
                if ends || sent.is_err() {
                    self.stream = None;
                }
                continue;
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return went,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.waits = data,
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        // What fails here is told by the answer.
                        let _ = stream.send_trailers(trailers);
                        self.stream = None;
                        went = true;
                    }
                },
                Poll::Ready(None) => {
                    let _ = stream.send_data(Bytes::new(), true);
                    self.stream = None;
                    went = true;
                }
                Poll::Ready(Some(Err(_))) => {
                    // SECURITY: an upstream must not take what came for the whole.
                    stream.send_reset(Reason::CANCEL);
                    self.stream = None;
                }
            }
        }
        went
    }
}
