//! The gateway in Pingora's phases: intake, admit, forward what was admitted, answer what was not.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use super::{Context, Shared, answer, failure, hops, outgoing};
use crate::admission::{Denial, Refusal, admit};
use crate::clock::UnixTime;
use crate::edge::{self, ListenerDefinition};
use crate::outbound::Upstream;
use crate::reason::Reason;
use crate::request::header_names::X_REQUEST_ID;
use crate::request::{AccessRequest, Head, Limits, Peer, Sent};

/// How often one request may be put to an upstream.
pub(crate) const ATTEMPTS: usize = 3;

/// One listener's application.
#[derive(Debug)]
pub struct Gateway {
    listener: ListenerDefinition,
    shared: Arc<Shared>,
}

impl Gateway {
    /// The application of a listener.
    pub fn new(listener: ListenerDefinition, shared: Arc<Shared>) -> Self {
        Self { listener, shared }
    }

    /// Reads the head, decides, and leaves the admission in the context.
    async fn decide(&self, session: &Session, context: &mut Context) -> Result<(), Denial> {
        let head = session.req_header();
        let http1 = session.as_http1();
        let peer = context
            .peer
            .ok_or_else(|| internal("the connection has no peer address"))?;
        let limits = &self.listener.limits;
        let limits = Limits {
            uri: limits.uri,
            header: limits.header,
            body: limits.body,
        };
        let sent = Sent {
            method: &head.method,
            version: head.version,
            target: head.raw_path(),
            uri: &head.uri,
            authority: None,
            headers: &head.headers,
            bytes: http1.map_or(0, |http1| http1.get_headers_raw_bytes().len()),
        };
        let read = Head::read(&self.listener.name, peer, &sent, &limits);
        let read = read.map_err(|why| Denial::unrouted(why.into()))?;
        let request = AccessRequest {
            head: context.head.insert(read),
            headers: &head.headers,
        };
        let admission = admit(&context.plan, request, UnixTime::now()).await?;
        context.in_flight = Some(admission.route().metrics.begin());
        context.admission = Some(admission);
        Ok(())
    }

    /// A bug of ours must cost one answer, not the connection of whoever met it.
    async fn caught(
        &self,
        what: &str,
        work: impl Future<Output = Result<(), Denial>> + Send,
    ) -> Result<(), Denial> {
        AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|_| {
                self.shared.metrics.panicked();
                Err(internal(what))
            })
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
        Context::new(Arc::clone(&self.shared), Arc::clone(&self.listener.name))
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
        let address = session
            .client_addr()
            .and_then(|address| address.as_inet())
            .map(|a| a.ip());
        context.peer =
            address.map(|ip| Peer::of(ip, &head.headers, &self.listener.trusted_proxies));
        let trusted = context.peer.is_some_and(|peer| peer.trusted);
        context.request_id = self.shared.request_ids.of(&head.headers, trusted);
        context.method = head.method.clone();
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> Result<bool> {
        let decided = self
            .caught("a panic while deciding", self.decide(session, context))
            .await;
        let Err(denial) = decided else {
            return Ok(false);
        };
        if denial.status().is_server_error() {
            tracing::warn!(request_id = %context.request_id, reason = %denial.reason(),
                route = denial.route().map(|route| &*route.definition.id),
                detail = denial.detail(), "not forwarded");
        }
        self.let_go_when_draining(session);
        let denial = context.denial.insert(denial);
        answer::early(session, denial, &context.request_id)
            .await
            .map_err(|error| error.into_down())?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, context: &mut Context) -> Result<Box<HttpPeer>> {
        // SECURITY: no admission, no forward, whatever happened before.
        context.attempts += 1;
        // The body starts anew with each attempt.
        context.body_in = 0;
        let upstream = Arc::clone(upstream_of(context)?);
        upstream.peer().await.ok_or_else(|| {
            context.failure = Some(Reason::UpstreamUnreachable);
            Error::explain(
                ErrorType::ConnectError,
                "the upstream's name is not resolved",
            )
            .into_up()
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
        let addresses = upstream_of(context).map_or(1, |upstream| upstream.addresses());
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
        upstream_of(context)?
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
        if context.body_in > self.listener.limits.body {
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
        let ours = context
            .admission
            .as_ref()
            .filter(|a| a.route().egress.is_ours());
        if let Some(admission) = ours
            && head.status == http::StatusCode::UNAUTHORIZED
        {
            admission
                .route()
                .egress
                .refused(admission.token(), UnixTime::now());
            context.failure = Some(Reason::UpstreamRefusedToken);
            return Error::e_explain(ErrorType::HTTPStatus(502), "the upstream answered 401");
        }
        // Pingora passes on a 101 that nobody asked for where neither side did.
        if head.status == http::StatusCode::SWITCHING_PROTOCOLS && !session.is_upgrade_req() {
            return Error::e_explain(ErrorType::InvalidHTTPHeader, "101 without a request for it")
                .map_err(|error: Box<Error>| error.into_up());
        }
        hops::strip(head);
        self.let_go_when_draining(session);
        head.insert_header(X_REQUEST_ID, context.request_id.header())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        head: &mut ResponseHeader,
        _: &mut Context,
    ) -> Result<()> {
        // RFC 9112 §6.1: HTTP/1.0 knows no chunks, and Pingora makes them of any open end.
        let old = session.req_header().version == http::Version::HTTP_10;
        if old
            && head
                .remove_header(&http::header::TRANSFER_ENCODING)
                .is_some()
        {
            session.set_keepalive(None);
        }
        Ok(())
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        context: &mut Context,
    ) -> FailToProxy {
        // What was decided is what is told, also when the caller did not wait for it.
        if context.denial.is_some() {
            return FailToProxy {
                error_code: 0,
                can_reuse_downstream: false,
            };
        }
        let reason = context
            .failure
            .take()
            .unwrap_or_else(|| failure::reason_of(error));
        let refusal = Refusal::Upstream {
            reason,
            detail: failure::describe(error),
        };
        let denial = match &context.admission {
            Some(admission) => refusal.on(admission.route()),
            None => Denial::unrouted(refusal),
        };
        if reason != Reason::ClientClosed {
            tracing::warn!(request_id = %context.request_id, %reason, detail = denial.detail(),
                route = denial.route().map(|route| &*route.definition.id), "request failed");
        }
        let answerable = reason != Reason::ClientClosed && answer::status(session).is_none();
        let error_code = if answerable {
            denial.status().as_u16()
        } else {
            0
        };
        if answerable {
            answer::late(session, &denial, &context.request_id).await;
        }
        context.denial = Some(denial);
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
        format!(
            "{} request {}",
            session.req_header().method,
            context.request_id
        )
    }

    async fn logging(&self, session: &mut Session, _: Option<&Error>, context: &mut Context) {
        context.status = answer::status(session).map_or(0, |status| status.as_u16());
        context.body_out = session.body_bytes_sent() as u64;
    }
}

pub(super) fn upstream_of(context: &Context) -> Result<&Arc<Upstream>> {
    let admission = context.admission.as_ref();
    admission
        .map(|admission| &admission.route().upstream)
        .ok_or_else(|| Error::explain(ErrorType::InternalError, "no admission"))
}

fn internal(detail: &str) -> Denial {
    let detail = detail.to_owned();
    Denial::unrouted(Refusal::Upstream {
        reason: Reason::InternalError,
        detail,
    })
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
mod tests;
