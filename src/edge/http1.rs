//! One connection of HTTP/1.1: one request after another through hyper, each under the guard's rules and
//! deadlines.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use super::Edge;
use super::accept::stopped;
use super::application::{Answer, Application, Misread};
use super::arriving::Arriving;
use super::connection::cause;
use super::conversation::{Conversation, Stage};
use super::deadline::Deadline;
use super::guard::GuardedIo;
use super::settings::Settings;
use super::socket::CallerSocket;
use crate::telemetry::Refused;

/// Bytes of a body that the codec may hold.
const MOST_BUFFERED: usize = 64 * 1024;

impl<A: Application> Edge<A> {
    /// `begun`: with what came of it already.
    pub(super) async fn serve_http1(
        self: Arc<Self>,
        begun: (CallerSocket, BytesMut),
        settings: Arc<Settings>,
        conversation: Arc<Conversation>,
        stop: watch::Receiver<bool>,
    ) {
        let io = GuardedIo::new(
            begun,
            &settings.limits,
            settings.timeouts,
            Arc::clone(&conversation),
            Arc::clone(&self.crowd),
        );
        let asked = AtomicUsize::new(0);
        let service = service_fn(|request: Request<Incoming>| {
            let is_last = asked.fetch_add(1, Ordering::Relaxed) + 1 >= settings.limits.requests;
            let era = settings.era.clone();
            conversation.set(Stage::Serving);
            self.metrics.asked(request.version());
            // Who closes its half may wait for an answer all the same (RFC 9112 §9.6), but hardly
            // ever does; and what only reads may be asked for again.
            conversation.abandonable(matches!(*request.method(), Method::GET | Method::HEAD));
            let (app, conversation) = (Arc::clone(&self.app), Arc::clone(&conversation));
            // The codec keeps the room of one for as long as the connection lasts; on the heap, it
            // is that of a request only.
            Box::pin(async move {
                // SECURITY: what was proven when it connected is not asked for any more.
                if era.has_ended() {
                    return Err(super::Abandoned);
                }
                let version = request.version();
                let mut answer = app
                    .respond(request.map(Arriving::Http1), Arc::clone(&conversation))
                    .await?;
                conversation.abandonable(false);
                // Answered as HTTP/1.0, such a connection ends with its answer.
                *answer.version_mut() = version;
                if (is_last || era.has_ended())
                    && answer.status() != StatusCode::SWITCHING_PROTOCOLS
                {
                    let close = HeaderValue::from_static("close");
                    answer.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, super::Abandoned>(answer.map(|body| Answer { body, conversation }))
            })
        });
        let mut connection = http1::Builder::new()
            // The guard times the head.
            .header_read_timeout(None)
            .max_buf_size(MOST_BUFFERED.max(settings.limits.header))
            .title_case_headers(true)
            .preserve_header_case(self.app.preserves_header_case())
            .serve_connection(TokioIo::new(io), service);
        let mut stopping = stop.clone();
        let mut stopped = pin!(stopped(&mut stopping));
        let mut awaits_stop = false;
        let mut idle = Deadline::after(settings.timeouts.idle);
        let mut task: Option<Waker> = None;
        std::future::poll_fn(|cx| {
            if Pin::new(&mut connection).poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let stage = conversation.stage();
            match stage {
                // A codec that reads on at once has made it idle already.
                Stage::Answered | Stage::Idle if conversation.is_in_use() => {
                    idle.move_to(settings.timeouts.idle);
                    let now = self.crowd.clock(idle.moved(settings.timeouts.idle));
                    conversation.since(Stage::Idle, now);
                }
                Stage::Answered | Stage::Idle | Stage::Head => {}
                _ => return Poll::Pending,
            }
            if !task
                .as_ref()
                .is_some_and(|known| known.will_wake(cx.waker()))
            {
                conversation.is_waited_for_by(cx.waker());
                task = Some(cx.waker().clone());
            }
            match (conversation.is_leaving(), stage) {
                // The guard looks for itself.
                (true, Stage::Head) => cx.waker().wake_by_ref(),
                (true, _) => {
                    self.metrics.refused(Refused::Evicted);
                    return Poll::Ready(());
                }
                (false, _) => {}
            }
            if stage == Stage::Head {
                return Poll::Pending;
            }
            // Between requests nobody waits for an answer: the connection may end. Once asked, what
            // stops it wakes this task, and is asked again only when there is news.
            let asked = std::mem::replace(&mut awaits_stop, true);
            let no_news = asked && matches!(stop.has_changed(), Ok(false));
            if no_news || stopped.as_mut().poll(cx).is_pending() {
                return idle.poll(cx);
            }
            Poll::Ready(())
        })
        .await;
        let parts = connection.into_parts();
        let mut guard = parts.io.into_inner();
        if let Some(tunnel) = conversation.take_tunnel() {
            conversation.set(Stage::Serving);
            return tunnel(guard.into_caller(parts.read_buf)).await;
        }
        if let Some(why) = conversation.misread() {
            self.metrics.refused(cause(why));
            guard
                .say(to_bytes(&self.app.refuse(&conversation, why)))
                .await;
        }
        guard.close().await;
    }

    /// Tells who speaks HTTP/1.1 that it is not spoken here.
    pub(super) async fn say_http1(
        &self,
        begun: (CallerSocket, BytesMut),
        settings: &Settings,
        conversation: &Arc<Conversation>,
        why: Misread,
    ) {
        conversation.refuse(why);
        let mut guard = GuardedIo::new(
            begun,
            &settings.limits,
            settings.timeouts,
            Arc::clone(conversation),
            Arc::clone(&self.crowd),
        );
        guard
            .say(to_bytes(&self.app.refuse(conversation, why)))
            .await;
        guard.close().await;
    }
}

/// An answer on the wire; the connection ends with it.
fn to_bytes(answer: &Response<Bytes>) -> Bytes {
    let mut bytes = BytesMut::with_capacity(512 + answer.body().len());
    let reason = answer.status().canonical_reason().unwrap_or_default();
    bytes.put(&b"HTTP/1.1 "[..]);
    bytes.put(answer.status().as_str().as_bytes());
    bytes.put(&b" "[..]);
    bytes.put(reason.as_bytes());
    bytes.put(&b"\r\nConnection: close\r\n"[..]);
    for (name, value) in answer.headers() {
        if name == header::CONNECTION {
            continue;
        }
        bytes.put(name.as_str().as_bytes());
        bytes.put(&b": "[..]);
        bytes.put(value.as_bytes());
        bytes.put(&b"\r\n"[..]);
    }
    bytes.put(&b"\r\n"[..]);
    bytes.put(answer.body().clone());
    bytes.freeze()
}
