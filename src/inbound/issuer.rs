//! A tenant whose tokens callers may bring: its keys, its verdicts, and how a token is proven.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixTime;
use crate::entra::{Authority, Endpoint, token_principal};
use crate::http_client::HttpClient;
use crate::jwt::{Expected, TokenError, UnverifiedToken, Verifier};
use crate::policy::{Audience, TokenPrincipal};
use crate::refresh::{Found, Missing, OnMiss, RefetchTimes};

use super::AuthError;
use super::key_source::KeySource;
use super::verdict_cache::{TokenDigest, Verdict, VerdictCache};

/// The most that clocks may differ, whatever a definition says: a verdict must not outlive what
/// the verifier would still take.
const MOST_LEEWAY: Duration = Duration::from_secs(300);

/// An issuer as the file defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerDefinition {
    /// Its name in the file.
    pub name: Arc<str>,
    /// The tenant.
    pub authority: Authority,
    /// Audiences for callers that name none themselves.
    pub audiences: Vec<Audience>,
    /// For `exp` and `nbf`; 300 s at most.
    pub leeway: Duration,
    /// How its keys are kept.
    pub keys: KeyTimes,
}

impl IssuerDefinition {
    /// What a challenge tells clients: the realm, and whom to ask for a token.
    pub fn challenge(&self) -> (String, String) {
        let tenant = self.authority.tenant().to_string();
        (tenant, self.authority.authorization_uri())
    }
}

/// `keys:` of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// Between background refreshes.
    pub refresh: Duration,
    /// Between refetches for unknown `kid`s, and after a failure.
    pub cool_down: Duration,
    /// How long the last good keys are trusted through an outage.
    pub max_stale: Duration,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(3600),
            cool_down: Duration::from_secs(30),
            max_stale: Duration::from_secs(24 * 3600),
        }
    }
}

impl From<KeyTimes> for RefetchTimes {
    fn from(times: KeyTimes) -> Self {
        Self {
            refresh: times.refresh,
            cool_down: times.cool_down,
            max_stale: times.max_stale,
        }
    }
}

/// A live issuer. Dropping the last one ends its background task.
#[derive(Debug)]
pub struct Issuer {
    definition: IssuerDefinition,
    verifier: Verifier,
    keys: OnMiss<KeySource>,
    verdicts: VerdictCache,
}

/// For `/readyz`, `/metrics` and the log.
#[derive(Clone, Debug, Default)]
pub struct IssuerStatus {
    /// How many keys are held; 0: none were ever fetched, or they are too old.
    pub keys: usize,
    /// When they were last fetched with success.
    pub fetched_at: Option<UnixTime>,
    /// Fetches that succeeded.
    pub fetches: u64,
    /// Fetches that failed.
    pub failures: u64,
    /// Why the last fetch failed, where it did.
    pub last_error: Option<String>,
}

impl Issuer {
    /// Makes the issuer and starts fetching its keys in the background. Needs a tokio runtime.
    pub fn start(definition: IssuerDefinition, http: HttpClient) -> Arc<Self> {
        let authority = &definition.authority;
        let verifier = Verifier::new(Expected {
            issuers: [Endpoint::V1, Endpoint::V2]
                .map(|endpoint| authority.issuer(endpoint))
                .to_vec(),
            leeway: definition.leeway.min(MOST_LEEWAY),
        });
        let source = KeySource::new(Arc::clone(&definition.name), authority, http);
        let keys = OnMiss::start(source, definition.keys.into());
        Arc::new(Self {
            verifier,
            keys,
            verdicts: VerdictCache::new(),
            definition,
        })
    }

    /// As the file defines it.
    pub fn definition(&self) -> &IssuerDefinition {
        &self.definition
    }

    /// Whether `iss` is one of this issuer's.
    pub fn signs(&self, iss: &str) -> bool {
        let names = &self.verifier.expected().issuers;
        names.iter().any(|name| name == iss)
    }

    /// Whether it has usable keys now.
    pub fn ready(&self) -> bool {
        self.keys.generation(UnixTime::now()).is_some()
    }

    /// How its keys are.
    pub fn status(&self) -> IssuerStatus {
        let published = self.keys.peek(UnixTime::now(), |set| set.keys.len());
        let status = self.keys.status();
        IssuerStatus {
            keys: published.unwrap_or(0),
            fetched_at: status.fetched_at,
            fetches: status.fetches,
            failures: status.failures,
            last_error: status.last_error,
        }
    }

    /// The principal of a token that was proven before, while its keys and times hold.
    pub(super) fn cached(
        &self,
        digest: &TokenDigest,
        now: UnixTime,
    ) -> Option<Arc<TokenPrincipal>> {
        self.verdicts.find(digest, self.keys.generation(now)?, now)
    }

    /// Verifies a token and remembers the proof.
    pub(super) async fn verify(
        &self,
        token: &UnverifiedToken<'_>,
        digest: TokenDigest,
        now: UnixTime,
    ) -> Result<Arc<TokenPrincipal>, AuthError> {
        let Found {
            item: key,
            generation,
        } = self
            .keys
            .find(now, |set| set.keys.find(&token.key_id).cloned())
            .await
            .map_err(|missing| self.refusal(missing))?;
        let claims = self.verifier.verify(token, &key, now)?;
        let IssuerDefinition {
            authority, name, ..
        } = &self.definition;
        let principal = Arc::new(token_principal(authority, name, claims)?);
        let verdict = Verdict::new(
            Arc::clone(&principal),
            generation,
            self.verifier.expected().leeway,
            token.text.len(),
        );
        self.verdicts.remember(digest, verdict);
        Ok(principal)
    }

    fn refusal(&self, missing: Missing) -> AuthError {
        match missing {
            Missing::Unknown => TokenError::UnknownKey.into(),
            Missing::Unavailable { retry_after } => AuthError::KeysUnavailable {
                issuer: Arc::clone(&self.definition.name),
                retry_after,
            },
        }
    }
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
