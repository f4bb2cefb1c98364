//! Which requests were not served lately, and what does each reason mean? The ring of `telemetry`, with
//! the words of `docs/errors.md` beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::admission::advice;
use crate::clock::UnixTime;
use crate::reason::Reason;
use crate::telemetry::{Refusals as Ring, RefusedRequest};

use super::report::At;

#[derive(Debug, Serialize)]
pub(super) struct Refusals {
    /// How many came too fast to be kept.
    pub(super) left_out: u64,
    /// The newest first.
    pub(super) requests: Vec<Refused>,
    /// Each that occurs among them.
    pub(super) reasons: BTreeMap<&'static str, Explained>,
}

#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub(super) at: At,
    pub(super) request_id: String,
    pub(super) listener: String,
    pub(super) route: Option<String>,
    pub(super) method: String,
    pub(super) path: String,
    /// 0 where no answer was sent.
    pub(super) status: u16,
    pub(super) outcome: &'static str,
    pub(super) reason: &'static str,
    pub(super) detail: Option<String>,
    pub(super) principal: Option<String>,
    pub(super) client: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) upstream_status: Option<u16>,
    pub(super) upstream_ms: Option<f64>,
    pub(super) duration_ms: f64,
}

/// What a reason means.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub(super) title: &'static str,
    pub(super) meaning: String,
    pub(super) caller: String,
    pub(super) operator: String,
}

impl Refusals {
    pub(super) fn of(ring: &Ring) -> Self {
        let all = ring.all();
        let mut reasons = BTreeMap::new();
        for request in &all {
            let word = request.reason.word();
            if !reasons.contains_key(word)
                && let Some(explained) = explained(request.reason)
            {
                reasons.insert(word, explained);
            }
        }
        Self {
            left_out: ring.left_out(),
            reasons,
            requests: all.iter().map(|request| Refused::of(request)).collect(),
        }
    }
}

pub(super) fn explained(reason: Reason) -> Option<Explained> {
    let advice = advice(reason)?;
    Some(Explained {
        title: reason.sentence(),
        meaning: advice.meaning,
        caller: advice.caller,
        operator: advice.operator,
    })
}

impl Refused {
    fn of(request: &RefusedRequest) -> Self {
        let owned = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        Self {
            at: At(UnixTime::from_seconds(request.at_ms / 1000)),
            request_id: request.request_id.to_string(),
            listener: request.listener.to_string(),
            route: owned(&request.route),
            method: request.method.to_string(),
            path: request.path.to_string(),
            status: request.status,
            outcome: request.outcome,
            reason: request.reason.word(),
            detail: owned(&request.detail),
            principal: owned(&request.principal),
            client: request.client.map(|client| client.to_string()),
            upstream: owned(&request.upstream),
            upstream_status: request.heard.map(|(status, _)| status),
            upstream_ms: request.heard.map(|(_, after)| milliseconds(after)),
            duration_ms: milliseconds(request.duration),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
