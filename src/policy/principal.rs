//! Who is calling, once known.

use std::net::IpAddr;
use std::sync::Arc;

use crate::guid::Guid;
use crate::jwt::Claims;

/// Who is calling: what the access log, the audit and the upstream are told.
#[derive(Clone, Debug)]
pub enum Principal {
    /// The bearer of a verified token.
    Token(Arc<TokenPrincipal>),
    /// The holder of an API key, by the key's `id`.
    Key(Arc<str>),
    /// Anything at this address.
    Address(IpAddr),
    /// Anyone: a public route.
    Anyone,
}

/// Whether a token was issued to an application itself or for a user (Entra: app-only, delegated).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// App-only.
    App,
    /// Delegated.
    User,
}

/// An app or user as a verified token names it.
#[derive(Debug)]
pub struct TokenPrincipal {
    /// App or user.
    pub kind: PrincipalKind,
    /// The configured name of the issuer that vouched for it.
    pub issuer: Arc<str>,
    /// The calling application: `azp`, or `appid` in v1 tokens.
    pub client_id: Guid,
    /// The object id: the user, or the application's service principal.
    pub object_id: Guid,
    /// Everything the token says.
    pub claims: Claims,
}

impl std::fmt::Display for Principal {
    /// `app:<client id>`, `user:<object id>`, `key:<id>`, `address:<ip>`, `anyone`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(token) => match token.kind {
                PrincipalKind::App => write!(out, "app:{}", token.client_id),
                PrincipalKind::User => write!(out, "user:{}", token.object_id),
            },
            Self::Key(id) => write!(out, "key:{id}"),
            Self::Address(address) => write!(out, "address:{address}"),
            Self::Anyone => out.write_str("anyone"),
        }
    }
}
