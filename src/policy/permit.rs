//! May it come in? A route's callers, walked in file order; the first entry whose every condition
//! holds gives the permit and names the principal.

use std::sync::Arc;

use http::HeaderValue;

use super::refusal::{Nearness, Stage};
use super::{
    BearerConditions, Credential, Entries, Entry, Evidence, PolicyRefusal, Principal,
    TokenPrincipal,
};
use crate::limit::Limit;
use crate::reason::Reason;
use crate::request::{Client, Params};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    Public,
    /// Alternatives in file order. Never empty.
    Entries(Entries),
}

/// The proof that a principal met a route's conditions. Only this file makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    principal: Principal,
    bearer: Option<HeaderValue>,
    limit: Option<Limit>,
}

impl Permit {
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The `Authorization` with the token that this principal was proven by.
    pub fn bearer(&self) -> Option<&HeaderValue> {
        self.bearer.as_ref()
    }

    /// How much this principal may do, where the entry that admitted it says so.
    pub fn limit(&self) -> Option<&Limit> {
        self.limit.as_ref()
    }
}

impl Callers {
    /// Whether an entry has a `where`.
    pub fn limit_parameters(&self) -> bool {
        match self {
            Self::Public => false,
            Self::Entries(entries) => entries.limit_parameters(),
        }
    }

    pub fn permit(&self, evidence: Evidence, params: &Params) -> Result<Permit, PolicyRefusal> {
        let (principal, limit) = match self {
            Self::Public => (Principal::Anyone, None),
            Self::Entries(entries) => admitted(entries, &evidence, params)?,
        };
        let bearer = match principal {
            Principal::Token(_) => evidence.into_field(),
            Principal::Key(_) | Principal::Address(_) | Principal::Anyone => None,
        };
        Ok(Permit {
            principal,
            bearer,
            limit,
        })
    }

    /// The alternatives; a public route has none.
    pub fn entries(&self) -> &[Entry] {
        match self {
            Self::Public => &[],
            Self::Entries(entries) => entries,
        }
    }
}

/// Whom the first entry admits whose every condition holds, and how much it may do.
fn admitted(
    entries: &Entries,
    evidence: &Evidence,
    params: &Params,
) -> Result<(Principal, Option<Limit>), PolicyRefusal> {
    check_presented(entries, evidence)?;
    let mut candidates = entries.for_holder_of(evidence.key());
    let admitted = candidates.find_map(|entry| {
        let principal = entry.judge(evidence, params).ok()?;
        Some((principal, entry.limit))
    });
    admitted.ok_or_else(|| nearest(entries, evidence, params))
}

/// The refusal that is told. Entries that were left out of the walk admit nobody here, but one of
/// them may be the nearest.
fn nearest(entries: &Entries, evidence: &Evidence, params: &Params) -> PolicyRefusal {
    let mut nearest: Option<(Nearness, PolicyRefusal)> = None;
    for (place, entry) in entries.iter().enumerate() {
        let Err((stage, mut refusal)) = entry.judge(evidence, params) else {
            continue;
        };
        let nearness = Nearness::of(entry, stage, evidence, params);
        if nearest.as_ref().is_none_or(|(known, _)| nearness > *known) {
            refusal.entry = Some(place);
            nearest = Some((nearness, refusal));
        }
    }
    let nothing = || PolicyRefusal::of(Reason::NoCredential, None, evidence);
    nearest.map_or_else(nothing, |(_, refusal)| refusal)
}

impl Entry {
    fn judge(
        &self,
        evidence: &Evidence,
        params: &Params,
    ) -> Result<Principal, (Stage, PolicyRefusal)> {
        let refusal = |reason, principal| PolicyRefusal::of(reason, principal, evidence);
        let in_network = self.is_open_to(evidence.client());
        let (stage, principal) = match (&self.credential, &self.network, evidence.client()) {
            (Some(credential), _, _) => match credential.holder(evidence) {
                Some((principal, conditions)) => {
                    if let Err(reason) = conditions {
                        return Err((Stage::Presented, refusal(reason, Some(principal))));
                    }
                    (Stage::Presented, principal)
                }
                // SECURITY: to those who present nothing, parameters are not judged: the answer
                // would tell them which values are allowed.
                None if in_network => {
                    return Err((Stage::NotPresented, refusal(Reason::NoCredential, None)));
                }
                None => return Err((Stage::Closed, refusal(Reason::NetworkNotAllowed, None))),
            },
            (None, Some(_), Client::Known(address) | Client::Proxy(address)) if in_network => {
                (Stage::Closed, Principal::Address(address.to_canonical()))
            }
            // An entry that asks for nothing admits nobody either: only `Public` is open.
            (None, _, _) => {
                return Err((Stage::Closed, refusal(Reason::NetworkNotAllowed, None)));
            }
        };
        let reason = if !in_network {
            Reason::NetworkNotAllowed
        } else if !self.parameters.hold(params) {
            Reason::ParameterNotAllowed
        } else {
            return Ok(principal);
        };
        Err((stage, refusal(reason, Some(principal))))
    }

    /// Whether callers from there may use it, whatever they present.
    pub(super) fn is_open_to(&self, client: Client) -> bool {
        self.network
            .as_ref()
            .is_none_or(|networks| networks.contain(client))
    }
}

impl Credential {
    /// Who holds this credential, and whether its own conditions are met. `None`: nothing was
    /// presented that is for this entry.
    fn holder(&self, evidence: &Evidence) -> Option<(Principal, Result<(), Reason>)> {
        match self {
            Self::Bearer(conditions) => {
                let token = evidence.token()?;
                let principal = Principal::Token(Arc::clone(token));
                accepts(conditions, token).then(|| (principal, conditions.check(token)))
            }
            Self::ApiKey(condition) => {
                let id = evidence.key()?;
                (*id == condition.id).then(|| (Principal::Key(Arc::clone(id)), Ok(())))
            }
        }
    }
}

/// Refuses a presented credential that is for no entry of its kind, whatever else would admit.
fn check_presented(entries: &Entries, evidence: &Evidence) -> Result<(), PolicyRefusal> {
    let credentials = || {
        let entries = entries.for_holder_of(evidence.key());
        entries.filter_map(|entry| entry.credential.as_ref())
    };
    if let Some(token) = evidence.token() {
        let fits = credentials().filter_map(|credential| match credential {
            Credential::Bearer(conditions) => Some(accepts(conditions, token)),
            Credential::ApiKey(_) => None,
        });
        if is_for_none(fits) {
            let principal = Principal::Token(Arc::clone(token));
            return Err(PolicyRefusal::of(
                Reason::WrongAudience,
                Some(principal),
                evidence,
            ));
        }
    }
    if let Some(id) = evidence.key() {
        let is_own = |credential: &Credential| match credential {
            Credential::Bearer(_) => false,
            Credential::ApiKey(condition) => condition.id == *id,
        };
        if !credentials().any(is_own) && entries.ask_for_keys() {
            return Err(PolicyRefusal::of(Reason::BadKey, None, evidence));
        }
    }
    Ok(())
}

/// Whether there are entries of a kind, and what was presented fits none of them.
fn is_for_none(mut fits: impl Iterator<Item = bool>) -> bool {
    fits.next()
        .is_some_and(|first| !first && !fits.any(|fit| fit))
}

/// Whether a token is this entry's to judge: of its issuer, for one of its audiences.
fn accepts(conditions: &BearerConditions, token: &TokenPrincipal) -> bool {
    conditions.issuer == token.issuer && conditions.fits_audience(token)
}

#[cfg(test)]
#[path = "permit_tests.rs"]
mod tests;
