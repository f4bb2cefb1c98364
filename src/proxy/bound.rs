//! How long may a request last? As long as its route lets it, as its caller waits, and, where the route
//! says so, as its caller's token holds.

use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Version};

use super::failure::Failure;
use crate::admission::Record;
use crate::edge::Deadline;
use crate::policy::Principal;
use crate::reason::Reason;
use crate::request::{grpc_timeout, is_grpc};

/// The nearest of what bounds a request in time.
pub(super) struct Bound {
    deadline: Deadline,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// `timeouts.request`.
    Route,
    /// `grpc-timeout`.
    Caller,
    /// `end_with_token: true`.
    Token,
}

impl Bound {
    pub(super) fn of(record: &Record, version: Version, headers: &HeaderMap) -> Option<Self> {
        let route = record.admission()?.route().definition.request_timeout;
        let is_grpc = is_grpc(version, headers);
        let caller = is_grpc.then(|| grpc_timeout(headers)).flatten();
        let bounds = [
            (route, By::Route),
            (caller, By::Caller),
            (token_holds(record), By::Token),
        ];
        let bounds = bounds
            .into_iter()
            .filter_map(|(span, by)| Some((span?, by)));
        let (span, by) = bounds.min_by_key(|(span, _)| *span)?;
        let deadline = Deadline::after(span);
        Some(Self { deadline, by })
    }

    /// Ready when it has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.deadline.poll(cx)
    }

    /// What it is that it has passed. `body_has_ended`: the request's.
    pub(super) fn failure(&self, body_has_ended: bool) -> Failure {
        match self.by {
            By::Route => {
                let reason = match body_has_ended {
                    true => Reason::UpstreamTimeout,
                    false => Reason::BodyTimeout,
                };
                Failure::new(reason, "longer than the route's timeouts.request")
            }
            By::Caller => {
                let why = "longer than the caller's grpc-timeout";
                Failure::new(Reason::DeadlineExceeded, why)
            }
            By::Token => token_has_ended(),
        }
    }
}

/// How long the caller's token holds, as a new request with it would be let in; `None` where nothing
/// ends with it.
pub(super) fn token_holds(record: &Record) -> Option<Duration> {
    let admission = record.admission()?;
    if !admission.route().definition.end_with_token {
        return None;
    }
    let Principal::Token(token) = admission.permit().principal() else {
        return None;
    };
    let issuer = record.plan().issuers.get(&token.issuer);
    let leeway = issuer.map_or(Duration::ZERO, |it| it.definition().leeway);
    let ends = token.claims.expires_at.plus(leeway);
    Some(record.began().until(ends))
}

pub(super) fn token_has_ended() -> Failure {
    Failure::new(Reason::TokenExpired, "the caller's token has ended")
}
