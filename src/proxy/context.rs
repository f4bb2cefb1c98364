//! What is kept of one request, and what is told of it at its end, however it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::Method;

use super::Shared;
use crate::admission::{Admission, Denial, Plan};
use crate::policy::Principal;
use crate::reason::Reason;
use crate::request::{Client, Head, Peer, RequestId};
use crate::routing::Route;
use crate::telemetry::{AccessLine, InFlight, Outcome};

/// One request's memory. Its `Drop` writes the access line and counts, so that what timed out, was
/// reset or panicked is counted too.
pub struct Context {
    pub(super) shared: Arc<Shared>,
    pub(super) listener: Arc<str>,
    pub(super) plan: Arc<Plan>,
    pub(super) request_id: RequestId,
    pub(super) peer: Option<Peer>,
    pub(super) method: Method,
    pub(super) head: Option<Head>,
    pub(super) admission: Option<Admission>,
    pub(super) denial: Option<Denial>,
    /// Set just before an error is returned to Pingora, for `fail_to_proxy` to answer with.
    pub(super) failure: Option<Reason>,
    pub(super) in_flight: Option<InFlight>,
    pub(super) status: u16,
    pub(super) body_in: u64,
    pub(super) body_out: u64,
    pub(super) attempts: usize,
    started: Instant,
}

impl Context {
    pub(super) fn new(shared: Arc<Shared>, listener: Arc<str>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::AcqRel);
        let plan = shared.plan.load_full();
        Self {
            shared,
            listener,
            plan,
            request_id: RequestId::none(),
            peer: None,
            method: Method::GET,
            head: None,
            admission: None,
            denial: None,
            failure: None,
            in_flight: None,
            status: 0,
            body_in: 0,
            body_out: 0,
            attempts: 0,
            started: Instant::now(),
        }
    }

    fn route(&self) -> Option<&Arc<Route>> {
        match (&self.admission, &self.denial) {
            (Some(admission), _) => Some(admission.route()),
            (None, Some(denial)) => denial.route(),
            (None, None) => None,
        }
    }

    fn principal(&self) -> Option<&Principal> {
        match &self.admission {
            Some(admission) => Some(admission.permit().principal()),
            None => self.denial.as_ref().and_then(Denial::principal),
        }
    }

    fn client(&self) -> Option<IpAddr> {
        self.peer.map(|peer| match peer.client {
            Client::Known(address) => address,
            Client::Unknown => peer.address,
        })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.shared.in_flight.fetch_sub(1, Ordering::AcqRel);
        // Neither answered nor failed by name: a panic outside the guarded part, or a caller who
        // left before anything was decided.
        let reason = match (&self.denial, self.status) {
            (Some(denial), _) => Some(denial.reason()),
            (None, 0) if std::thread::panicking() => Some(Reason::InternalError),
            (None, 0) => Some(Reason::ClientClosed),
            (None, _) => None,
        };
        let outcome = match (&self.denial, reason) {
            (_, None) => Outcome::Allowed,
            (Some(denial), Some(reason))
                if denial.status().is_client_error() && self.admission.is_none() =>
            {
                Outcome::Denied(reason)
            }
            (_, Some(reason)) => Outcome::Failed(reason),
        };
        let elapsed = self.started.elapsed();
        match self.route() {
            Some(route) => route.metrics.finished(outcome, elapsed),
            None => self.shared.unrouted.finished(outcome, elapsed),
        }
        if !self.shared.access_log.is_enabled() {
            return;
        }
        let principal = self.principal();
        self.shared.access_log.write(&AccessLine {
            time_ms: milliseconds(),
            request_id: self.request_id.as_str(),
            listener: &self.listener,
            route: self.route().map(|route| &*route.definition.id),
            method: self.method.as_str(),
            path: self.head.as_ref().map_or("", |head| head.path.as_str()),
            status: self.status,
            reason: reason.map(Reason::word),
            detail: self.denial.as_ref().map(Denial::detail).as_deref(),
            principal: principal.map(Principal::to_string).as_deref(),
            token_id: match principal {
                Some(Principal::Token(token)) => token.claims.token_id.as_deref(),
                _ => None,
            },
            client: self.client(),
            duration: elapsed,
            bytes_out: self.body_out,
        });
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "an access line's time is told, never decided by"
)]
fn milliseconds() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
