//! What must a caller present to be let in by one entry, and from where? Each condition a plain value
//! that compares with `==`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{AudienceForm, Condition, PrincipalKind, TokenPrincipal, Where};
use crate::guid::Guid;
use crate::limit::Limit;
use crate::reason::Reason;
use crate::request::Client;

/// One alternative of a route's callers: all of its conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub credential: Option<Credential>,
    pub network: Option<Networks>,
    pub parameters: Where,
    /// How much each may do whom it lets in.
    pub limit: Option<Limit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    Bearer(BearerConditions),
    ApiKey(ApiKeyCondition),
}

/// What a `bearer:` entry asks of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BearerConditions {
    /// The configured name of the issuer.
    pub issuer: Arc<str>,
    /// Who the token must be for: any of. Never empty.
    pub audiences: Vec<Audience>,
    pub principal: PrincipalRule,
    /// All of them must hold; checked in this order.
    pub claims: Vec<Condition>,
}

/// One accepted `aud`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// An application's GUID: itself, and in a v1 token `api://<guid>` too.
    Application(Guid),
    /// Anything else, compared ordinally; a v1 token may have one trailing slash more.
    Literal(String),
}

/// Which kind of principal may come: `principal: app | user | any`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalRule {
    Only(PrincipalKind),
    Any,
}

/// What an `api_key:` entry asks: one key, known by its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyCondition {
    /// The key's public name; the user name where it comes as Basic.
    pub id: Arc<str>,
    pub sha256: [u8; 32],
}

/// `network:`: the client's address is in one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks {
    networks: Vec<IpNet>,
    /// `proxies: true`: a trusted proxy that tells of no client counts as one.
    proxies: bool,
}

impl BearerConditions {
    pub fn fits_audience(&self, token: &TokenPrincipal) -> bool {
        let form = token.audience_form;
        let claimed = &token.claims.audiences;
        let mut audiences = self.audiences.iter();
        audiences.any(|audience| claimed.iter().any(|claimed| audience.fits(claimed, form)))
    }

    /// Checks everything but issuer and audience.
    pub fn check(&self, token: &TokenPrincipal) -> Result<(), Reason> {
        if !self.principal.admits(token.kind) {
            return Err(Reason::PrincipalNotAllowed);
        }
        self.claims
            .iter()
            .try_for_each(|condition| condition.check(token))
    }

    /// How many of its claims' conditions hold.
    pub(super) fn met(&self, token: &TokenPrincipal) -> usize {
        let holds = |condition: &&Condition| condition.check(token).is_ok();
        self.claims.iter().filter(holds).count()
    }
}

impl Audience {
    /// Whether one string of `aud` is this audience. In a v1 token it is whichever name the client
    /// asked for: the GUID or an application ID URI, with or without a final slash.
    fn fits(&self, claimed: &str, form: AudienceForm) -> bool {
        let as_asked = form == AudienceForm::AsAsked;
        match self {
            Self::Application(id) => {
                id.is(claimed)
                    || as_asked
                        && claimed
                            .strip_prefix("api://")
                            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
                            .is_some_and(|rest| id.is(rest))
            }
            Self::Literal(text) => {
                claimed == text || as_asked && claimed.strip_suffix('/') == Some(text.as_str())
            }
        }
    }
}

impl PrincipalRule {
    pub(super) fn admits(self, kind: PrincipalKind) -> bool {
        match self {
            Self::Only(only) => only == kind,
            Self::Any => true,
        }
    }
}

impl Networks {
    pub fn of(networks: Vec<IpNet>) -> Self {
        Self {
            networks,
            proxies: false,
        }
    }

    pub fn and_proxies(self, proxies: bool) -> Self {
        Self { proxies, ..self }
    }

    /// Whether the client is in one of the networks; an unknown client is in none.
    pub fn contain(&self, client: Client) -> bool {
        let address: IpAddr = match client {
            Client::Known(address) => address.to_canonical(),
            Client::Proxy(address) if self.proxies => address.to_canonical(),
            Client::Proxy(_) | Client::Unknown => return false,
        };
        let mut networks = self.networks.iter();
        networks.any(|network| network.contains(&address))
    }

    pub fn iter(&self) -> impl Iterator<Item = &IpNet> {
        self.networks.iter()
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
