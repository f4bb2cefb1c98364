//! One connection to an upstream: hyper's HTTP/1.1, driven by whoever uses it, in the same task.
//! A task of its own for each would cost a wake-up each way.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;

use super::answer_io::{AnswerIo, Line, UpstreamSocket};
use super::names::Lead;
use super::{Broken, EndpointDefinition, ExchangeError, RequestBody};
use crate::edge::Deadline;

/// Bytes of a body that the codec may hold.
const MOST_BUFFERED: usize = 128 * 1024;

/// What the codec gives back of a request that it could not send.
type Unsent = TrySendError<Request<RequestBody>>;

pub struct Connection {
    sender: http1::SendRequest<RequestBody>,
    /// `None`: it has ended, and let go of what it held.
    driver: Option<http1::Connection<TokioIo<AnswerIo>, RequestBody>>,
    line: Arc<Line>,
    lead: Option<Lead>,
    deadline: Deadline,
    /// How long the upstream may be silent.
    patience: Duration,
    /// The driver has said its last.
    has_ended: bool,
    is_reused: bool,
    /// From when a request was given to it to the head of the answer.
    answered_after: Duration,
}

impl Connection {
    pub(super) async fn begin(
        socket: UpstreamSocket,
        lead: Option<Lead>,
        definition: &EndpointDefinition,
    ) -> hyper::Result<Self> {
        let patience = definition.response_timeout;
        let line = Arc::new(Line::default());
        let io = AnswerIo::new(socket, Arc::clone(&line));
        let (sender, driver) = http1::Builder::new()
            .title_case_headers(true)
            .preserve_header_case(definition.preserve_header_case)
            .max_buf_size(MOST_BUFFERED)
            .handshake(TokioIo::new(io))
            .await?;
        Ok(Self {
            sender,
            driver: Some(driver),
            line,
            lead,
            deadline: Deadline::after(patience),
            patience,
            has_ended: false,
            is_reused: false,
            answered_after: Duration::ZERO,
        })
    }

    /// Whether it has served a request before.
    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Sends a request and waits for the head of its answer; `meanwhile` is told what comes before.
    pub fn exchange(
        &mut self,
        request: Request<RequestBody>,
        meanwhile: impl FnMut(&[Bytes]),
    ) -> impl Future<Output = Result<Response<Incoming>, ExchangeError>> {
        self.line.ask(request.method() == http::Method::HEAD);
        self.deadline.move_to(self.patience);
        // Before anything is waited for, so that nobody keeps the request beside the codec.
        let answer = self.sender.try_send_request(request);
        self.answered(answer, meanwhile)
    }

    async fn answered(
        &mut self,
        answer: impl Future<Output = Result<Response<Incoming>, Unsent>>,
        mut meanwhile: impl FnMut(&[Bytes]),
    ) -> Result<Response<Incoming>, ExchangeError> {
        let asked = self.deadline.moved(self.patience);
        let mut answer = pin!(answer);
        let answered = std::future::poll_fn(|cx| {
            loop {
                let ended = poll(&mut self.driver, cx).is_ready();
                // It may let the body go on, so the driver has to look again.
                let interim = self.line.interim();
                if !interim.is_empty() {
                    meanwhile(&interim);
                }
                if let Poll::Ready(answered) = answer.as_mut().poll(cx) {
                    self.has_ended = ended;
                    return Poll::Ready(Some(answered));
                }
                // A request that it has not taken comes back when it is dropped.
                if ended && self.driver.take().is_some() {
                    continue;
                }
                if interim.is_empty() {
                    break;
                }
            }
            if self.line.progressed() {
                self.deadline.move_to(self.patience);
            }
            self.deadline.poll(cx).map(|()| None)
        })
        .await;
        match answered {
            Some(Ok(answer)) => {
                self.answered_after = asked.elapsed();
                Ok(answer)
            }
            Some(Err(mut why)) => Err(match why.take_message() {
                Some(request) => ExchangeError::NotSent(Box::new(request)),
                None if self.line.has_come() => {
                    ExchangeError::Broken(Broken::Http1(why.into_error()))
                }
                None => ExchangeError::Unanswered,
            }),
            None => Err(ExchangeError::TimedOut(self.patience)),
        }
    }

    /// How long the upstream took to the head of its last answer.
    pub fn answered_after(&self) -> Duration {
        self.answered_after
    }

    /// Drives it on while an answer's body is read.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.has_ended {
            self.has_ended = poll(&mut self.driver, cx).is_ready();
        }
        if self.line.progressed() {
            self.deadline.move_to(self.patience);
        }
    }

    /// To be asked when a body has not come: ready when the upstream was silent for too long.
    pub fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        self.deadline.poll(cx).map(|()| self.patience)
    }

    /// Whether it has answered wholly and can take another request.
    pub fn is_free(&self) -> bool {
        !self.has_ended && self.sender.is_ready()
    }

    /// Looks whether an idle connection is still good: not closed, silent, and where its name leads.
    pub(super) fn is_good(&mut self) -> bool {
        if self.lead.as_ref().is_some_and(|lead| !lead.holds()) {
            return false;
        }
        let mut cx = Context::from_waker(Waker::noop());
        self.has_ended |= poll(&mut self.driver, &mut cx).is_ready();
        self.is_free()
    }

    pub(super) fn rests(&mut self) {
        self.is_reused = true;
    }

    /// Since it was last used, or a little longer.
    pub(super) fn has_rested_for(&self) -> Duration {
        self.deadline.since_moved(self.patience)
    }

    /// After `101`: the stream, and what came on it behind the answer's head.
    pub fn into_stream(self) -> Option<(UpstreamSocket, Bytes)> {
        let parts = self.driver?.into_parts();
        let (socket, pending) = parts.io.into_inner().into_parts();
        Some((socket, Bytes::from([&*parts.read_buf, &*pending].concat())))
    }
}

/// Ready where it has ended.
fn poll(
    driver: &mut Option<http1::Connection<TokioIo<AnswerIo>, RequestBody>>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    match driver {
        Some(driver) => driver.poll_without_shutdown(cx).map(|_| ()),
        None => Poll::Ready(()),
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
