//! What is told of a request when it has ended, and to whom. It is told at the record's `Drop`, once,
//! however it ended. Counters hear of every request; whoever wants to know more of some is asked for
//! in `is_heard` and hears in `tell`.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Admission, Denial, Record};
use crate::outbound::Endpoint;
use crate::policy::Principal;
use crate::reason::Reason;
use crate::request::{Client, Peer};
use crate::routing::Route;
use crate::telemetry::{AccessLine, Outcome, Room, Told, Trace};

impl Drop for Record {
    fn drop(&mut self) {
        self.shared.in_flight.fetch_sub(1, Ordering::AcqRel);
        let (outcome, duration) = (self.outcome(), self.started.0.elapsed());
        let metrics = self.route().map(|route| &route.metrics);
        let metrics = metrics.unwrap_or(&self.shared.unrouted);
        metrics.finished(outcome, self.status, duration);
        if let Some((_, after)) = self.heard {
            metrics.heard(after);
        }
        let room = self.room(outcome, duration);
        if room.is_some() || self.is_heard(outcome) {
            self.with_line(outcome, duration, |line| self.tell(outcome, line, room));
        }
    }
}

impl Record {
    /// Whether anybody hears more of this end than counters do: what they hear is not made for nobody.
    fn is_heard(&self, _outcome: Outcome) -> bool {
        self.shared.access_log.is_enabled() || self.recorded().is_some()
    }

    /// Room among the last that were not served, where it was not.
    fn room(&self, outcome: Outcome, duration: Duration) -> Option<Room> {
        let refusals = self.shared.refusals.as_ref()?;
        let route = self.route().map(|route| &*route.definition.id);
        let ended_ms = self.started.1.saturating_add(whole_ms(duration));
        refusals.room_for(outcome, route, self.peer.and_then(client), ended_ms)
    }

    /// Where everybody hears of an end, in strings and figures: no token, no query, all that a caller
    /// chose still to be bounded.
    fn tell(&self, outcome: Outcome, line: &AccessLine<'_>, room: Option<Room>) {
        self.shared.access_log.write(line);
        if let (Some(refusals), Some(room)) = (&self.shared.refusals, room) {
            refusals.keep(&room, line);
        }
        if let Some(trace) = self.recorded() {
            let template = self.route().map(|route| route.definition.path.as_str());
            trace.end(&Told {
                line,
                outcome,
                template,
                host: self
                    .head
                    .as_ref()
                    .and_then(|head| Some(head.host.as_ref()?.as_str())),
                is_encrypted: self.peer.is_some_and(|peer| peer.encrypted),
                waits: &self.passage.waits,
            });
        }
    }

    fn recorded(&self) -> Option<&Trace> {
        self.trace.as_deref().filter(|trace| trace.is_recorded())
    }

    fn with_line(&self, outcome: Outcome, duration: Duration, told: impl FnOnce(&AccessLine<'_>)) {
        let principal = self.principal();
        told(&AccessLine {
            time_ms: self.started.1.saturating_add(whole_ms(duration)),
            severity: outcome.severity(),
            request_id: self.request_id.as_str(),
            trace_id: self.trace.as_ref().map(|trace| trace.id()).as_deref(),
            listener: &self.listener,
            protocol: self.version,
            route: self.route().map(|route| &*route.definition.id),
            method: self
                .head
                .as_ref()
                .map_or(&self.method, |head| &head.method)
                .as_str(),
            path: match (&self.head, &self.raw_path) {
                (Some(head), _) => head.path.as_str(),
                (None, Some(raw)) => raw,
                (None, None) => "",
            },
            status: self.status,
            reason: outcome.reason(),
            detail: self
                .denial
                .as_ref()
                .map(Denial::detail)
                .as_deref()
                .or(self.remark.as_deref()),
            principal: principal.map(Principal::text).as_deref(),
            token_id: match principal {
                Some(Principal::Token(token)) => token.token_id.as_deref(),
                _ => None,
            },
            client: self.peer.and_then(client),
            upstream: self.endpoint().map(|it| it.origin()),
            heard: self.heard,
            duration,
            bytes_out: self.bytes_out,
        });
    }

    pub(super) fn route(&self) -> Option<&Arc<Route>> {
        let admitted = self.admission.as_ref().map(Admission::route);
        let denied = || self.denial.as_ref()?.route();
        let asked = || Some(&self.preflight.as_ref()?.route);
        admitted.or_else(denied).or_else(asked)
    }

    /// Where it went, or would have gone.
    fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        let first = || self.admission.as_ref()?.route().upstream.endpoints().next();
        self.endpoint.as_ref().or_else(first)
    }

    fn principal(&self) -> Option<&Principal> {
        let admitted = self.admission.as_ref();
        let admitted = admitted.map(|admission| admission.permit().principal());
        admitted.or_else(|| self.denial.as_ref()?.principal())
    }

    fn outcome(&self) -> Outcome {
        match &self.denial {
            Some(denial) if denial.status().is_client_error() && self.admission.is_none() => {
                Outcome::Denied(denial.reason())
            }
            Some(denial) => Outcome::Failed(denial.reason()),
            // Neither answered nor failed by name: a panic outside the guarded part, or a caller who
            // left before anything was decided.
            None if self.status == 0 && std::thread::panicking() => {
                Outcome::Failed(Reason::InternalError)
            }
            None if self.status == 0 => Outcome::Failed(Reason::ClientClosed),
            None => Outcome::Allowed,
        }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `None` where nothing is known of it but that it has no address.
fn client(peer: Peer) -> Option<IpAddr> {
    let address = match peer.client {
        Client::Known(address) | Client::Proxy(address) => address,
        Client::Unknown => peer.address,
    };
    Some(address).filter(|address| !address.is_unspecified())
}
