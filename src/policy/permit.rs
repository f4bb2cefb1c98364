//! May it come in? A route's callers, walked in file order; the first entry whose every condition
//! holds gives the permit and names the principal.

use std::sync::Arc;

use http::HeaderValue;

use super::{BearerConditions, Credential, Entries, Entry, Evidence, Principal, TokenPrincipal};
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
}

impl Permit {
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The `Authorization` with the token that this principal was proven by.
    pub fn bearer(&self) -> Option<&HeaderValue> {
        self.bearer.as_ref()
    }
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct PolicyRefusal {
    /// The word for it; `no_credential`, `wrong_audience` and `bad_key` mean 401, all others 403.
    pub reason: Reason,
    pub principal: Option<Principal>,
}

impl Callers {
    pub fn permit(&self, evidence: Evidence, params: &Params) -> Result<Permit, PolicyRefusal> {
        let principal = match self {
            Self::Public => Principal::Anyone,
            Self::Entries(entries) => admitted(entries, &evidence, params)?,
        };
        let bearer = match principal {
            Principal::Token(_) => evidence.into_field(),
            Principal::Key(_) | Principal::Address(_) | Principal::Anyone => None,
        };
        Ok(Permit { principal, bearer })
    }

    /// The alternatives; a public route has none.
    pub fn entries(&self) -> &[Entry] {
        match self {
            Self::Public => &[],
            Self::Entries(entries) => entries,
        }
    }
}

/// Whom the first entry admits whose every condition holds.
fn admitted(
    entries: &Entries,
    evidence: &Evidence,
    params: &Params,
) -> Result<Principal, PolicyRefusal> {
    check_presented(entries, evidence)?;
    let mut weightiest: Option<(Weight, PolicyRefusal)> = None;
    // What was left out admits nobody here, but its refusal may be the answer. It weighs less than
    // that of a credential, and is one and the same wherever it weighs the same.
    let entries = entries
        .for_holder_of(evidence.key())
        .chain(entries.left_out());
    for entry in entries {
        match entry.judge(evidence, params) {
            Ok(principal) => return Ok(principal),
            Err((weight, refusal)) => {
                if weightiest.as_ref().is_none_or(|(known, _)| weight > *known) {
                    weightiest = Some((weight, refusal));
                }
            }
        }
    }
    Err(weightiest.map_or(refusal(Reason::NoCredential, None), |(_, refusal)| refusal))
}

/// Which of several entries' refusals is the answer: the greatest, and of equals the first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// No credential would help.
    Closed,
    /// The credential that the entry asks for was not presented.
    NotPresented,
    /// A presented credential is for this entry, which refuses it all the same.
    Presented,
}

impl Entry {
    fn judge(
        &self,
        evidence: &Evidence,
        params: &Params,
    ) -> Result<Principal, (Weight, PolicyRefusal)> {
        let in_network = self
            .network
            .as_ref()
            .is_none_or(|networks| networks.contain(evidence.client()));
        let (weight, principal) = match (&self.credential, &self.network, evidence.client()) {
            (Some(credential), _, _) => match credential.holder(evidence) {
                Some((principal, conditions)) => {
                    if let Err(reason) = conditions {
                        return Err((Weight::Presented, refusal(reason, Some(principal))));
                    }
                    (Weight::Presented, principal)
                }
                // SECURITY: to those who present nothing, parameters are not judged: the answer
                // would tell them which values are allowed.
                None if in_network => {
                    return Err((Weight::NotPresented, refusal(Reason::NoCredential, None)));
                }
                None => return Err((Weight::Closed, refusal(Reason::NetworkNotAllowed, None))),
            },
            (None, Some(_), Client::Known(address) | Client::Proxy(address)) if in_network => {
                (Weight::Closed, Principal::Address(address.to_canonical()))
            }
            // An entry that asks for nothing admits nobody either: only `Public` is open.
            (None, _, _) => {
                return Err((Weight::Closed, refusal(Reason::NetworkNotAllowed, None)));
            }
        };
        let reason = if !in_network {
            Reason::NetworkNotAllowed
        } else if !self.parameters.hold(params) {
            Reason::ParameterNotAllowed
        } else {
            return Ok(principal);
        };
        Err((weight, refusal(reason, Some(principal))))
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
            return Err(refusal(Reason::WrongAudience, Some(principal)));
        }
    }
    if let Some(id) = evidence.key() {
        let is_own = |credential: &Credential| match credential {
            Credential::Bearer(_) => false,
            Credential::ApiKey(condition) => condition.id == *id,
        };
        if !credentials().any(is_own) && entries.ask_for_keys() {
            return Err(refusal(Reason::BadKey, None));
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

fn refusal(reason: Reason, principal: Option<Principal>) -> PolicyRefusal {
    PolicyRefusal { reason, principal }
}

#[cfg(test)]
#[path = "permit_tests.rs"]
mod tests;
