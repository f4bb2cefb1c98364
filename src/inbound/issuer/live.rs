//! An issuer at work: its keys, its verdicts, and how a token is proven.

use std::sync::Arc;

use super::IssuerDefinition;
use crate::clock::UnixTime;
use crate::http_client::HttpClient;
use crate::inbound::AuthError;
use crate::inbound::key_source::{KeySource, PublishedKeys};
use crate::inbound::verdict_cache::{Verdict, VerdictCache};
use crate::jwt::{ClaimNames, TokenDigest, TokenError, UnverifiedToken, Verifier};
use crate::policy::TokenPrincipal;
use crate::refresh::{Missing, OnMiss, Status};

/// A live issuer. Dropping the last one ends its background task.
#[derive(Debug)]
pub struct Issuer {
    definition: IssuerDefinition,
    verifier: Verifier,
    /// What it tells clients, written once: refusals must not cost more than what is let in.
    challenge: String,
    keys: OnMiss<KeySource>,
    verdicts: VerdictCache,
}

/// For `/readyz`, `/metrics` and the log.
#[derive(Clone, Debug, Default)]
pub struct IssuerStatus {
    /// How many keys are held; 0: none were ever fetched, or they are too old.
    pub keys: usize,
    pub fetch: Status,
}

impl Issuer {
    /// Makes the issuer and starts fetching its keys in the background. Needs a tokio runtime.
    pub fn start(definition: IssuerDefinition, http: HttpClient) -> Arc<Self> {
        let verifier = Verifier::new(definition.kind.profile(definition.leeway));
        let source = KeySource::new(&definition, http);
        let keys = OnMiss::start(source, definition.keys);
        Arc::new(Self {
            verifier,
            challenge: definition.kind.challenge(),
            keys,
            verdicts: VerdictCache::new(),
            definition,
        })
    }

    pub fn definition(&self) -> &IssuerDefinition {
        &self.definition
    }

    /// Whether `iss` is one of this issuer's.
    pub fn signs(&self, iss: &str) -> bool {
        self.verifier.profile().signs(iss)
    }

    /// Whether `iss` is that of tokens of its that are not accepted.
    pub(in crate::inbound) fn signs_others_as(&self, iss: &str) -> bool {
        let profile = self.verifier.profile();
        profile.owns_keys_of(iss) && !profile.signs(iss)
    }

    /// The parameters of a bearer challenge.
    pub(in crate::inbound) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// The claims that it reads of its tokens.
    pub(in crate::inbound) fn reads(&self) -> &ClaimNames {
        &self.verifier.profile().reads
    }

    pub fn ready(&self) -> bool {
        self.keys.generation(UnixTime::now()).is_some()
    }

    pub fn status(&self) -> IssuerStatus {
        let published = self.keys.peek(UnixTime::now(), |set| set.keys.count());
        IssuerStatus {
            keys: published.unwrap_or(0),
            fetch: self.keys.status(),
        }
    }

    /// The principal of a token that was proven before, while its keys and times hold.
    pub(in crate::inbound) fn cached(
        &self,
        digest: &TokenDigest,
        now: UnixTime,
    ) -> Option<Arc<TokenPrincipal>> {
        self.verdicts.find(digest, self.keys.generation(now)?, now)
    }

    pub(in crate::inbound) async fn verify(
        &self,
        token: UnverifiedToken<'_>,
        digest: TokenDigest,
        now: UnixTime,
    ) -> Result<Arc<TokenPrincipal>, AuthError> {
        self.verifier.check_header(&token)?;
        let length = token.text.len();
        let find = |set: &PublishedKeys| set.keys.find(&token.key_id).cloned();
        let found = self.keys.find(now, &token.key_id, find).await;
        let key = found.map_err(|missing| self.refusal(missing))?;
        let claims = self.verifier.verify(token, &key.item, now)?;
        let IssuerDefinition { kind, name, .. } = &self.definition;
        let principal = Arc::new(kind.principal(name, claims)?);
        let verdict = Verdict::new(
            Arc::clone(&principal),
            key.generation,
            self.verifier.profile().leeway,
            length,
        );
        self.verdicts.remember(digest, verdict);
        Ok(principal)
    }

    fn refusal(&self, missing: Missing) -> AuthError {
        match missing {
            Missing::Unknown => TokenError::UnknownKey.into(),
            Missing::NotAsked { retry_after } => AuthError::KeyNotSought {
                issuer: Arc::clone(&self.definition.name),
                retry_after,
            },
            Missing::Unavailable { retry_after } => AuthError::KeysUnavailable {
                issuer: Arc::clone(&self.definition.name),
                retry_after,
            },
        }
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
