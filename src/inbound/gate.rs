//! A route's gate: first every presented credential that the route reads is proven, then the
//! route's callers are asked.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;

use super::credential::{CredentialKind, Presented};
use super::{AuthError, Issuer};
use crate::clock::UnixTime;
use crate::policy::{Callers, Evidence, Permit};
use crate::request::{AccessRequest, Params};

/// Who may come in by one route, alive.
#[derive(Debug)]
pub struct Gate {
    callers: Arc<Callers>,
    kinds: Vec<CredentialKind>,
}

impl Gate {
    /// A gate for these callers; each bearer entry's issuer must be in `issuers`. The tokens of one
    /// that is not are refused.
    pub fn new(callers: Arc<Callers>, issuers: &HashMap<Arc<str>, Arc<Issuer>>) -> Self {
        Self {
            kinds: CredentialKind::of(&callers, issuers),
            callers,
        }
    }

    pub fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.kinds.iter().flat_map(CredentialKind::issuers)
    }

    /// Proves every presented credential of a kind this route uses; other kinds count as absent.
    pub async fn identify(
        &self,
        request: AccessRequest<'_>,
        now: UnixTime,
    ) -> Result<Evidence, AuthError> {
        let mut evidence = Evidence::of(request.head.peer.client);
        if !self.kinds.is_empty() {
            let presented = Presented::of(request.headers);
            for kind in &self.kinds {
                kind.prove(&presented, now, &mut evidence).await?;
            }
        }
        Ok(evidence)
    }

    /// The same by what is known now; and whether something was presented that keys would have to be
    /// waited for.
    pub fn identify_now(
        &self,
        request: AccessRequest<'_>,
        now: UnixTime,
    ) -> Result<(Evidence, bool), AuthError> {
        let mut evidence = Evidence::of(request.head.peer.client);
        let presented = Presented::of(request.headers);
        let mut unproven = false;
        for kind in &self.kinds {
            match kind.prove(&presented, now, &mut evidence).now_or_never() {
                Some(Ok(())) => {}
                Some(Err(why)) if why.retry_after().is_none() => return Err(why),
                Some(Err(_)) | None => unproven = true,
            }
        }
        Ok((evidence, unproven))
    }

    pub fn authorize(&self, evidence: Evidence, params: &Params) -> Result<Permit, AuthError> {
        Ok(self.callers.permit(evidence, params)?)
    }

    /// Why a request was refused, for the log.
    pub fn told(&self, why: &AuthError) -> String {
        match why {
            AuthError::Policy(why) => self.callers.told(why),
            why => why.to_string(),
        }
    }

    /// The values of `WWW-Authenticate`, one for each kind that may be presented instead. `error`
    /// is RFC 6750's code where a bearer token was presented; `realm` is the route's name.
    pub fn challenge(
        &self,
        realm: &str,
        error: Option<&str>,
        description: &str,
    ) -> impl Iterator<Item = String> {
        let said = move |kind: &CredentialKind| kind.challenge(realm, error, description);
        self.kinds.iter().filter_map(said)
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
