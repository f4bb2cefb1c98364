//! Why may it not come in, and which of several entries says so? The nearest: that of a credential
//! before that of its absence, of the same kind of principal first, then the one most of which holds.

use super::{Credential, Entry, Evidence, Principal};
use crate::reason::Reason;
use crate::request::{Client, Params};

#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct PolicyRefusal {
    /// The word for it; `no_credential`, `wrong_audience` and `bad_key` mean 401, all others 403.
    pub reason: Reason,
    pub principal: Option<Principal>,
    /// Where the request came from.
    pub(super) client: Client,
    /// The place of the entry that refuses, where one does.
    pub(super) entry: Option<usize>,
}

impl PolicyRefusal {
    pub(super) fn of(reason: Reason, principal: Option<Principal>, evidence: &Evidence) -> Self {
        Self {
            reason,
            principal,
            client: evidence.client(),
            entry: None,
        }
    }
}

/// How far a request came with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// No credential would help.
    Closed,
    /// The credential that the entry asks for was not presented.
    NotPresented,
    /// A presented credential is for this entry, which refuses it all the same.
    Presented,
}

/// Which of several refusals is the answer: the greatest, and of equals the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nearness {
    stage: Stage,
    /// The entry is for this kind of principal.
    is_of_kind: bool,
    /// How many of its conditions hold.
    met: usize,
}

impl Nearness {
    pub(super) fn of(entry: &Entry, stage: Stage, evidence: &Evidence, params: &Params) -> Self {
        let (is_of_kind, claims) = match (&entry.credential, evidence.token(), stage) {
            (Some(Credential::Bearer(conditions)), Some(token), Stage::Presented) => (
                conditions.principal.admits(token.kind),
                conditions.met(token),
            ),
            _ => (true, 0),
        };
        // SECURITY: parameters are judged for those who presented what the entry asks for, and for
        // nobody else: which refusal is told must not tell which values are allowed.
        let others = match (stage, &entry.credential) {
            (Stage::Presented, _) | (_, None) => [
                entry.is_open_to(evidence.client()),
                entry.parameters.hold(params),
            ],
            (Stage::Closed | Stage::NotPresented, Some(_)) => [false, false],
        };
        Self {
            stage,
            is_of_kind,
            met: claims + others.into_iter().filter(|holds| *holds).count(),
        }
    }
}
