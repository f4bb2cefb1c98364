//! A route's gate: first every presented credential that the route reads is proven, then the
//! route's callers are asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::Issuer;
use super::api_key::ApiKeys;
use super::verdict_cache::TokenDigest;
use crate::clock::UnixTime;
use crate::jwt::{Authorization, AuthorizationError, TokenError, UnverifiedToken};
use crate::policy::{Callers, Credential, Evidence, Permit, PolicyRefusal, TokenPrincipal};
use crate::reason::Reason;
use crate::request::{AccessRequest, Params};

/// Who may come in by one route, alive.
#[derive(Debug)]
pub struct Gate {
    callers: Callers,
    issuers: Vec<Arc<Issuer>>,
    keys: ApiKeys,
    reads_bearer: bool,
}

impl Gate {
    /// A gate for these callers; each bearer entry's issuer must be in `issuers`. The tokens of one
    /// that is not are refused.
    pub fn new(callers: Callers, issuers: &HashMap<Arc<str>, Arc<Issuer>>) -> Self {
        let names = issuers_of(&callers);
        Self {
            issuers: names
                .iter()
                .filter_map(|name| issuers.get(*name).cloned())
                .collect(),
            reads_bearer: !names.is_empty(),
            keys: ApiKeys::of(&callers),
            callers,
        }
    }

    /// The callers as the file defines them.
    pub fn callers(&self) -> &Callers {
        &self.callers
    }

    /// The issuers this gate needs keys of.
    pub fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }

    /// Whether an API key may come as Basic: then a challenge must offer Basic.
    pub fn reads_basic(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Proves every presented credential of a kind this route uses; other kinds count as absent.
    ///
    /// # Errors
    /// When one proves bad, or cannot be proven for want of keys.
    pub async fn identify(
        &self,
        request: AccessRequest<'_>,
        now: UnixTime,
    ) -> Result<Evidence, AuthError> {
        let mut evidence = Evidence {
            token: None,
            key: None,
            client: request.head.peer.client,
        };
        let mut basic = None;
        if self.reads_bearer || self.reads_basic() {
            match Authorization::of(request.headers) {
                Ok(Authorization::Bearer(token)) if self.reads_bearer => {
                    evidence.token = Some(self.prove(token, now).await?);
                }
                Ok(Authorization::Basic(credential)) => basic = Some(credential),
                Ok(_) => {}
                Err(why) => self.unreadable(why)?,
            }
        }
        if self.reads_basic() {
            evidence.key = self.keys.identify(request.headers, basic)?;
        }
        Ok(evidence)
    }

    /// Asks the callers.
    ///
    /// # Errors
    /// Why none admits.
    pub fn authorize(&self, evidence: &Evidence, params: &Params) -> Result<Permit, AuthError> {
        Ok(self.callers.permit(evidence, params)?)
    }

    async fn prove(&self, token: &str, now: UnixTime) -> Result<Arc<TokenPrincipal>, AuthError> {
        let digest = TokenDigest::of(token)?;
        let mut issuers = self.issuers.iter();
        // SECURITY: two issuers may go by one `iss`. Which of them is asked must not depend on
        // what another route's requests left in the cache.
        if let Some(principal) = issuers.find_map(|issuer| issuer.cached(&digest, now))
            && let Some(named) = self.named(&principal.claims.issuer)
            && named.definition().name == principal.issuer
        {
            return Ok(principal);
        }
        let token = UnverifiedToken::parse(token)?;
        match self.named(&token.issuer) {
            Some(issuer) => issuer.verify(&token, digest, now).await,
            None => Err(TokenError::Issuer.into()),
        }
    }

    /// The issuer that a token of this `iss` is put to: the first one in file order.
    fn named(&self, iss: &str) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| issuer.signs(iss))
    }

    /// Refuses what cannot be read, unless it is of a scheme that this route does not use: that
    /// counts as absent.
    fn unreadable(&self, why: AuthorizationError) -> Result<(), AuthError> {
        use AuthorizationError::{Malformed, MalformedBasic, MalformedBearer, Repeated};
        match why {
            Repeated => Err(AuthError::RepeatedCredential),
            MalformedBearer if !self.reads_bearer => Ok(()),
            MalformedBasic if !self.reads_basic() => Ok(()),
            MalformedBasic => Err(AuthError::BadKey),
            MalformedBearer => Err(AuthError::Malformed),
            Malformed if self.reads_bearer => Err(AuthError::Malformed),
            Malformed => Err(AuthError::BadKey),
        }
    }
}

/// Why a request is not let in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// A credential header came twice.
    #[error("a credential header was sent more than once")]
    RepeatedCredential,
    /// `Authorization` or a key header that cannot be read.
    #[error("the credential is malformed")]
    Malformed,
    /// The bearer token is not genuine.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The API key is on no entry of this route.
    #[error("the API key is not accepted")]
    BadKey,
    /// There are no keys to verify the token with.
    #[error("the keys of issuer {issuer} are not available")]
    KeysUnavailable {
        /// The issuer's name in the file.
        issuer: Arc<str>,
        /// Until they may be asked for again.
        retry_after: Duration,
    },
    /// Genuine, but not allowed; or nothing was presented.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
}

impl AuthError {
    /// The word for it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::RepeatedCredential => Reason::RepeatedCredential,
            Self::Malformed => Reason::MalformedToken,
            Self::Token(why) => why.reason(),
            Self::BadKey => Reason::BadKey,
            Self::KeysUnavailable { .. } => Reason::KeysUnavailable,
            Self::Policy(why) => why.reason,
        }
    }

    /// When a caller may come again, where time is all that is missing.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::KeysUnavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

/// The names of the issuers that bearer entries ask for, each once, in file order.
fn issuers_of(callers: &Callers) -> Vec<&Arc<str>> {
    let mut names = Vec::new();
    if let Callers::Entries(entries) = callers {
        for entry in entries {
            if let Some(Credential::Bearer(conditions)) = &entry.credential
                && !names.contains(&&conditions.issuer)
            {
                names.push(&conditions.issuer);
            }
        }
    }
    names
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
