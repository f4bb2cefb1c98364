//! Whose tokens may callers bring? One file for each kind of issuer: what its tokens must be like,
//! where its keys are, whom a token of its names, and what it tells clients. What all kinds share is
//! `live`.

mod definition;
mod entra;
mod live;

use std::sync::Arc;
use std::time::Duration;

pub use self::definition::IssuerDefinition;
pub use self::live::{Issuer, IssuerStatus};
use crate::entra::{Authority, Versions};
use crate::jwt::{Claims, Profile, TokenError};
use crate::policy::TokenPrincipal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKind {
    /// A tenant, and which versions of its tokens are accepted.
    Entra(Authority, Versions),
}

impl IssuerKind {
    pub(super) fn profile(&self, leeway: Duration) -> Profile {
        match self {
            Self::Entra(authority, versions) => entra::profile(authority, *versions, leeway),
        }
    }

    pub fn keys_url(&self) -> String {
        match self {
            Self::Entra(authority, _) => entra::keys_url(authority),
        }
    }

    /// Whom verified claims name; `issuer` is the issuer's name in the file.
    pub(super) fn principal(
        &self,
        issuer: &Arc<str>,
        claims: Claims,
    ) -> Result<TokenPrincipal, TokenError> {
        match self {
            Self::Entra(authority, _) => entra::principal(authority, issuer, claims),
        }
    }

    /// The parameters of a bearer challenge.
    pub(super) fn challenge(&self) -> String {
        match self {
            Self::Entra(authority, _) => entra::challenge(authority),
        }
    }
}
