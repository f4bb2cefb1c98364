//! Is it too much? Who asks from where is counted before anything is looked at, so that guesses count
//! too; who asks, and all together, once they are let in. What a request takes up, it holds to its end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Plan, Refusal};
use crate::limit::{Buckets, Counted, Exceeded, Excess, Limit, Rate, Taken};
use crate::policy::Permit;
use crate::reason::Reason;
use crate::request::{AccessRequest, Client, Peer, counted_as};
use crate::routing::Route;

/// draft-ietf-httpapi-ratelimit-headers-10.
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What limits a plan counts by, beside those of its routes.
pub struct PlanLimits {
    /// They outlive the plan: another one counts on.
    pub buckets: Arc<Buckets>,
    /// What listeners allow to each address.
    pub doors: Vec<(Arc<str>, Limit)>,
}

impl PlanLimits {
    pub fn none() -> Self {
        Self {
            buckets: Buckets::new(Instant::now()),
            doors: Vec::new(),
        }
    }
}

/// What a request takes up of limits, from its beginning to its end.
pub struct Held {
    began: Instant,
    taken: Vec<Taken>,
}

impl Held {
    pub fn from(began: Instant) -> Self {
        Self {
            began,
            taken: Vec::new(),
        }
    }

    /// Counts one that comes to a listener from where it comes.
    pub(super) fn at_the_door(
        &mut self,
        plan: &Plan,
        request: AccessRequest<'_>,
    ) -> Result<(), Refusal> {
        let mut doors = plan.limits.doors.iter();
        let listener = &request.head.listener;
        let Some((name, limit)) = doors.find(|(name, _)| name == listener) else {
            return Ok(());
        };
        let who = (Counted::Door, place_of(&request.head.peer));
        self.take(plan, name, who, limit)
    }

    /// Counts one that found a route, from where it comes.
    pub(super) fn of_address(
        &mut self,
        plan: &Plan,
        route: &Route,
        request: AccessRequest<'_>,
    ) -> Result<(), Refusal> {
        let definition = &route.definition;
        let Some(limit) = &definition.limits.per_address else {
            return Ok(());
        };
        let who = (Counted::Address, place_of(&request.head.peer));
        self.take(plan, &definition.id, who, limit)
    }

    /// Counts one that may come in, by who it is, and among all that the route lets in. Who does too
    /// much uses up nothing of what is for all.
    pub(super) fn of_caller(
        &mut self,
        plan: &Plan,
        route: &Route,
        permit: &Permit,
    ) -> Result<(), Refusal> {
        let definition = &route.definition;
        let limits = &definition.limits;
        let known = |why| match why {
            Refusal::Limit { exceeded, .. } => Refusal::Limit {
                exceeded,
                principal: Some(permit.principal().clone()),
            },
            other => other,
        };
        if let Some(limit) = permit.limit().or(limits.per_caller.as_ref()) {
            let who = (Counted::Caller, permit.principal());
            self.take(plan, &definition.id, who, limit).map_err(known)?;
        }
        match &limits.whole {
            Some(limit) => self
                .take(plan, &definition.id, (Counted::Route, ()), limit)
                .map_err(known),
            None => Ok(()),
        }
    }

    fn take(
        &mut self,
        plan: &Plan,
        place: &str,
        who: (Counted, impl std::hash::Hash),
        limit: &Limit,
    ) -> Result<(), Refusal> {
        let taken = plan.limits.buckets.take(place, who, limit, self.began);
        let taken = taken.map_err(|exceeded| Refusal::Limit {
            exceeded,
            principal: None,
        })?;
        self.taken.push(taken);
        Ok(())
    }

    /// Tells whoever was let in how much is left to it. What all together have left is not its business.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let own = |taken: &&Taken| matches!(taken.counted(), Counted::Caller | Counted::Address);
        for taken in self.taken.iter().filter(own) {
            let Some((rate, left)) = taken.left() else {
                continue;
            };
            let counted = taken.counted().word();
            let (requests, full_in) = (left.requests, whole_seconds(left.full_in));
            append(headers, &POLICY, &policy(taken.counted(), rate));
            let left = format!("\"{counted}\";r={requests};t={full_in}");
            append(headers, &RATE_LIMIT, &left);
        }
    }
}

/// The fields of a 429. When to come again is said twice, for whoever knows only one of both.
pub(super) fn fields(exceeded: &Exceeded) -> Vec<(HeaderName, String)> {
    let (counted, limit) = (exceeded.counted.word(), exceeded.limit);
    let wait = whole_seconds(exceeded.retry_after());
    let mut fields = vec![(http::header::RETRY_AFTER, wait.to_string())];
    let (policy, left) = match (exceeded.excess, limit.rate, limit.concurrent) {
        (Excess::Rate(_), Some(rate), _) => (
            policy(exceeded.counted, rate),
            format!("\"{counted}\";r=0;t={wait}"),
        ),
        (Excess::Concurrent, _, Some(most)) => (
            format!("\"{counted}-concurrent\";q={most};qu=\"concurrent-requests\""),
            format!("\"{counted}-concurrent\";r=0"),
        ),
        _ => return fields,
    };
    fields.push((POLICY, policy));
    fields.push((RATE_LIMIT, left));
    fields
}

pub(super) fn reason(exceeded: &Exceeded) -> Reason {
    match exceeded.excess {
        Excess::Rate(_) => Reason::RateLimit,
        Excess::Concurrent => Reason::ConcurrencyLimit,
    }
}

fn policy(counted: Counted, rate: Rate) -> String {
    let window = whole_seconds(rate.window());
    format!("\"{}\";q={};w={window}", counted.word(), rate.burst)
}

fn append(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    // INVARIANT: digits, letters and quotes.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name.clone(), value);
    }
}

/// At least one: who is told 0 comes at once.
fn whole_seconds(time: Duration) -> u64 {
    let begun = u64::from(time.subsec_nanos() > 0);
    time.as_secs().saturating_add(begun).max(1)
}

/// Where it comes from, as limits count it. SECURITY: whom nobody names counts as the one who does not
/// name it: all of them are one.
fn place_of(peer: &Peer) -> (bool, IpAddr) {
    match peer.client {
        Client::Known(address) => (true, counted_as(address)),
        Client::Proxy(_) | Client::Unknown => (false, counted_as(peer.address)),
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
