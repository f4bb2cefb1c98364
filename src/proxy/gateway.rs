//! The gateway in Pingora's phases, in their order: meet, decide, forward what was admitted, answer
//! what was not.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use super::{Context, answer, failure, incoming, outgoing};
use crate::admission::{Record, Shared};
use crate::clock::UnixTime;
use crate::edge::{self, ListenerDefinition};
use crate::reason::Reason;
use crate::request::{Limits, Peer, Sent};

/// How often one request may be put to an upstream.
pub(crate) const ATTEMPTS: usize = 3;

pub struct Gateway {
    listener: ListenerDefinition,
    limits: Limits,
    shared: Arc<Shared>,
}

impl Gateway {
    pub fn new(listener: ListenerDefinition, shared: Arc<Shared>) -> Self {
        let limits = Limits {
            uri: listener.limits.uri,
            header: listener.limits.header,
            body: listener.limits.body,
        };
        Self {
            listener,
            limits,
            shared,
        }
    }

    fn let_go_when_draining(&self, session: &mut Session) {
        if self.shared.draining.load(Ordering::Acquire) {
            session.set_keepalive(None);
        }
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::new(Record::begin(&self.shared, &self.listener.name))
    }

    /// No modules: compression and the rest would cost every request.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    async fn early_request_filter(
        &self,
        session: &mut Session,
        context: &mut Context,
    ) -> Result<()> {
        edge::headers_complete(session);
        let head = session.req_header();
        let address = session.client_addr().and_then(|address| address.as_inet());
        let trusted = &self.listener.trusted_proxies;
        let peer = address.map(|address| Peer::of(address.ip(), &head.headers, trusted));
        context.record.meet(peer, &head.method, &head.headers);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        let head = session.req_header();
        let http1 = session.as_http1();
        let sent = Sent {
            method: &head.method,
            version: head.version,
            target: head.raw_path(),
            uri: &head.uri,
            authority: None,
            headers: &head.headers,
            bytes: http1.map_or(0, |http1| http1.get_headers_raw_bytes().len()),
        };
        let record = &mut context.record;
        if record.decide(&sent, &self.limits, UnixTime::now()).await {
            return Ok(false);
        }
        self.let_go_when_draining(session);
        if let Some(answer) = record.answer() {
            let sent = answer::early(session, answer).await;
            sent.map_err(|error| error.into_down())?;
        }
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, context: &mut Context) -> Result<Box<HttpPeer>> {
        let upstream = Arc::clone(&context.admission()?.route().upstream);
        context.attempts += 1;
        // The body starts anew with each attempt.
        context.body_in = 0;
        upstream.peer().await.ok_or_else(|| {
            context.failure = Some(Reason::UpstreamUnreachable);
            let why = "the upstream's name is not resolved";
            Error::explain(ErrorType::ConnectError, why).into_up()
        })
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        context: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        // Nothing has been sent yet, so another address may be tried whatever the method.
        let admission = context.record.admission();
        let addresses = admission.map_or(1, |admission| admission.route().upstream.addresses());
        error.set_retry(context.attempts < addresses.min(ATTEMPTS));
        error
    }

    async fn connected_to_upstream(
        &self,
        _: &mut Session,
        _: bool,
        _: &HttpPeer,
        _: std::os::fd::RawFd,
        digest: Option<&Digest>,
        context: &mut Context,
    ) -> Result<()> {
        let tls = digest.and_then(|digest| digest.ssl_digest.as_deref());
        let upstream = &context.admission()?.route().upstream;
        upstream
            .check_tls(tls)
            .map_err(|why| Error::explain(ErrorType::InvalidCert, why).into_up())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        head: &mut RequestHeader,
        context: &mut Context,
    ) -> Result<()> {
        let prepared = AssertUnwindSafe(|| outgoing::prepare(session, head, context));
        std::panic::catch_unwind(prepared).unwrap_or_else(|_| {
            self.shared.metrics.panicked();
            Error::e_explain(ErrorType::InternalError, "a panic while building headers")
        })
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        _: bool,
        context: &mut Context,
    ) -> Result<()> {
        context.body_in += body.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if context.body_in > self.limits.body {
            context.failure = Some(Reason::BodyTooLarge);
            return Error::e_explain(ErrorType::HTTPStatus(413), "larger than limits.body");
        }
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        context: &mut Context,
    ) -> Result<()> {
        incoming::receive(session, head, context)?;
        self.let_go_when_draining(session);
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        _: &mut Context,
    ) -> Result<()> {
        incoming::end_without_chunks(session, head);
        Ok(())
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        // What was decided is what is told, also when the caller did not wait for it.
        let mut answered = context.record.is_denied();
        if !answered {
            let named = context.failure.take();
            let reason = named.unwrap_or_else(|| failure::reason_of(error));
            context.record.fail(reason, failure::describe(error));
            answered = reason == Reason::ClientClosed || answer::status(session).is_some();
        }
        let mut error_code = 0;
        if !answered && let Some(answer) = context.record.answer() {
            error_code = answer.status().as_u16();
            answer::late(session, answer).await;
        }
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }

    /// Pingora's line would hold the path with its query; ours is the access line.
    fn suppress_error_log(&self, _: &Session, _: &Context, _: &Error) -> bool {
        true
    }

    fn request_summary(&self, session: &Session, context: &Context) -> String {
        let method = &session.req_header().method;
        format!("{method} request {}", context.record.request_id())
    }

    async fn logging(&self, session: &mut Session, _: Option<&Error>, context: &mut Context) {
        let status = answer::status(session).map_or(0, |status| status.as_u16());
        let bytes_out = session.body_bytes_sent() as u64;
        context.record.answered(status, bytes_out);
    }
}
