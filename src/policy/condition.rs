//! The conditions a route can set, each a plain value that compares with `==`.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::{PrincipalKind, TokenPrincipal};
use crate::guid::Guid;
use crate::jwt::Version;
use crate::reason::Reason;
use crate::request::Client;

/// What a `bearer:` entry asks of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BearerConditions {
    /// The configured name of the issuer.
    pub issuer: Arc<str>,
    /// Who the token must be for: any of. Never empty.
    pub audiences: Vec<Audience>,
    /// App, user or either.
    pub principal: PrincipalRule,
    /// `azp` or `appid`: any of. Empty: any application.
    pub azp: Vec<Guid>,
    /// App roles: any of. Empty: no condition.
    pub roles: Vec<String>,
    /// App roles: all of.
    pub all_roles: Vec<String>,
    /// Delegated scopes: any of. Empty: no condition.
    pub scp: Vec<String>,
    /// Object ids: any of. Empty: any.
    pub oid: Vec<Guid>,
}

/// One accepted `aud`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// An application's GUID: itself, and in a v1 token `api://<guid>` too.
    Application(Guid),
    /// Anything else, compared ordinally; a v1 token may have one trailing slash more.
    Literal(String),
}

/// Which kind of principal may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalRule {
    /// `principal: app`, `principal: user`.
    Only(PrincipalKind),
    /// `principal: any`.
    Any,
}

/// What an `api_key:` entry asks: one key, known by its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyCondition {
    /// The key's public name; the user name where it comes as Basic.
    pub id: Arc<str>,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
}

/// `network:`: the client's address is in one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl BearerConditions {
    /// Whether the token is for one of the audiences.
    pub fn fits_audience(&self, token: &TokenPrincipal) -> bool {
        let first = token.claims.version == Some(Version::V1);
        self.audiences.iter().any(|audience| {
            token
                .claims
                .audiences
                .iter()
                .any(|claimed| audience.fits(claimed, first))
        })
    }

    /// Checks everything but issuer and audience.
    ///
    /// # Errors
    /// The reason of the first condition that fails: principal, azp, oid, roles, all_roles, scp.
    pub fn check(&self, token: &TokenPrincipal) -> Result<(), Reason> {
        // SECURITY: scopes are a user's consent and never count as roles, nor roles as scopes.
        let roles = &token.claims.roles;
        let scopes = token.claims.scopes.as_deref().unwrap_or_default();
        require(
            self.principal.admits(token.kind),
            Reason::PrincipalNotAllowed,
        )?;
        require(lists(&self.azp, token.client_id), Reason::ClientNotAllowed)?;
        require(lists(&self.oid, token.object_id), Reason::ObjectNotAllowed)?;
        require(any_of(&self.roles, roles), Reason::RoleMissing)?;
        require(all_of(&self.all_roles, roles), Reason::RoleMissing)?;
        require(any_of(&self.scp, scopes), Reason::ScopeMissing)
    }
}

impl Audience {
    /// Whether one string of `aud` is this audience. In a v1 token it is whichever name the client
    /// asked for: the GUID or an application ID URI, with or without a final slash.
    fn fits(&self, claimed: &str, first_version: bool) -> bool {
        match self {
            Self::Application(id) => {
                id.is(claimed)
                    || first_version
                        && claimed
                            .strip_prefix("api://")
                            .map(|rest| rest.strip_suffix('/').unwrap_or(rest))
                            .is_some_and(|rest| id.is(rest))
            }
            Self::Literal(text) => {
                claimed == text || first_version && claimed.strip_suffix('/') == Some(text.as_str())
            }
        }
    }
}

impl PrincipalRule {
    fn admits(self, kind: PrincipalKind) -> bool {
        match self {
            Self::Only(only) => only == kind,
            Self::Any => true,
        }
    }
}

impl Networks {
    /// Whether the client is in one of the networks; an unknown client is in none.
    pub fn contain(&self, client: Client) -> bool {
        match client {
            Client::Known(address) => {
                let address: IpAddr = address.to_canonical();
                self.0.iter().any(|network| network.contains(&address))
            }
            Client::Unknown => false,
        }
    }
}

fn require(condition: bool, otherwise: Reason) -> Result<(), Reason> {
    if condition { Ok(()) } else { Err(otherwise) }
}

/// Whether one of the wanted is there; nothing wanted is no condition.
fn any_of(wanted: &[String], present: &[String]) -> bool {
    wanted.is_empty() || wanted.iter().any(|want| present.contains(want))
}

/// Whether all of the wanted are there.
fn all_of(wanted: &[String], present: &[String]) -> bool {
    wanted.iter().all(|want| present.contains(want))
}

/// Whether the list has the GUID; an empty list is no condition.
fn lists(list: &[Guid], guid: Guid) -> bool {
    list.is_empty() || list.contains(&guid)
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
