//! Who is calling, once known.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use crate::guid::Guid;
use crate::jwt::Claims;
use crate::request::{AddressText, counted_as};

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
    App,
    User,
}

/// An app or user as a verified token names it. Nobody makes one without `Claims`, which only the
/// verifier does; what a kind of issuer does not say is absent, and meets no condition.
#[derive(Debug)]
pub struct TokenPrincipal {
    pub kind: PrincipalKind,
    /// The configured name of the issuer that vouched for it.
    pub issuer: Arc<str>,
    /// The calling application: `azp`, or `appid` in v1 tokens.
    pub client_id: Option<Guid>,
    /// The user, or the application's service principal.
    pub object_id: Option<Guid>,
    pub tenant: Option<Guid>,
    pub roles: Vec<String>,
    /// What a user consented to: `scp`.
    pub scopes: Vec<String>,
    /// Fit for a log.
    pub token_id: Option<String>,
    /// For display only.
    pub name: Option<String>,
    /// For display only, mutable.
    pub preferred_username: Option<String>,
    pub audience_form: AudienceForm,
    /// The registered claims, and others that conditions ask for.
    pub claims: Claims,
}

/// How an issuer writes whom a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceForm {
    /// By the one name the API has.
    Exact,
    /// By whichever of the API's names the client asked for: Entra's v1 tokens.
    AsAsked,
}

impl Principal {
    /// `app:<client id>`, `user:<object id>`, `key:<id>`, `address:<ip>`, `anyone`. Whom the issuer
    /// gives no id goes by `sub`. By hand, because every request is told.
    pub fn text(&self) -> Cow<'static, str> {
        let (kind, id) = match self {
            Self::Token(token) => {
                let (kind, id) = match token.kind {
                    PrincipalKind::App => ("app:", token.client_id),
                    PrincipalKind::User => ("user:", token.object_id),
                };
                match id {
                    Some(id) => return joined(kind, id.write(&mut [0; Guid::LENGTH])),
                    None => (kind, token.claims.subject.as_deref().unwrap_or_default()),
                }
            }
            Self::Key(id) => ("key:", &**id),
            Self::Address(address) => {
                return joined("address:", AddressText::of(*address).as_str());
            }
            Self::Anyone => return Cow::Borrowed("anyone"),
        };
        joined(kind, id)
    }
}

fn joined(kind: &str, id: &str) -> Cow<'static, str> {
    let mut text = String::with_capacity(kind.len() + id.len());
    text.push_str(kind);
    text.push_str(id);
    Cow::Owned(text)
}

/// Whom limits take for one caller: however often its tokens and keys are made anew, and however they
/// are presented. Neighbours of one IPv6 address are one.
impl Hash for Principal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Token(token) => {
                let id = match token.kind {
                    PrincipalKind::App => token.client_id,
                    PrincipalKind::User => token.object_id,
                };
                let subject = token.claims.subject.as_deref().filter(|_| id.is_none());
                (0, &token.issuer, token.kind, id, token.tenant, subject).hash(state);
            }
            Self::Key(id) => (1, id).hash(state),
            Self::Address(address) => (2, counted_as(*address)).hash(state),
            Self::Anyone => 3.hash(state),
        }
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text())
    }
}
