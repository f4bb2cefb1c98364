//! How does a caller prove who it is? One file for each kind of credential: how it is presented,
//! how it is proven, and what a challenge says of it. The order here is the order of proving.

mod api_key;
mod bearer;

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderMap;

use self::api_key::ApiKeys;
use self::bearer::BearerTokens;
use super::{AuthError, Issuer};
use crate::clock::UnixTime;
use crate::policy::{Callers, Evidence};
use crate::request::{Authorization, AuthorizationError};

/// A kind of credential that a route reads, with all that its callers need to be proven by.
#[derive(Debug)]
pub(super) enum CredentialKind {
    Bearer(BearerTokens),
    ApiKey(ApiKeys),
}

/// Where credentials stand in a request; `Authorization` is read once, for all kinds.
pub(super) struct Presented<'a> {
    headers: &'a HeaderMap,
    authorization: Result<Option<Authorization<'a>>, AuthorizationError>,
}

impl<'a> Presented<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        Self {
            headers,
            authorization: Authorization::of(headers),
        }
    }
}

impl CredentialKind {
    pub(super) fn of(callers: &Callers, issuers: &HashMap<Arc<str>, Arc<Issuer>>) -> Vec<Self> {
        let bearer = BearerTokens::of(callers, issuers).map(Self::Bearer);
        let api_key = ApiKeys::of(callers).map(Self::ApiKey);
        bearer.into_iter().chain(api_key).collect()
    }

    /// Proves what is presented of this kind, if anything is.
    pub(super) async fn prove(
        &self,
        presented: &Presented<'_>,
        now: UnixTime,
        evidence: &mut Evidence,
    ) -> Result<(), AuthError> {
        match self {
            Self::Bearer(tokens) => tokens.prove(presented, now, evidence).await,
            Self::ApiKey(keys) => keys.prove(presented, evidence),
        }
    }

    /// What `WWW-Authenticate` says of this kind, where it could be presented to any avail.
    pub(super) fn challenge(
        &self,
        realm: &str,
        error: Option<&str>,
        description: &str,
    ) -> Option<String> {
        match self {
            Self::Bearer(tokens) => Some(tokens.challenge(error, description)),
            Self::ApiKey(_) => ApiKeys::challenge(realm, error),
        }
    }

    pub(super) fn issuers(&self) -> &[Arc<Issuer>] {
        match self {
            Self::Bearer(tokens) => tokens.issuers(),
            Self::ApiKey(_) => &[],
        }
    }
}
