//! What a verified token says, each claim with its one type (RFC 7519 §4, Entra's access token
//! claims reference). Only `Verifier` makes one.

use crate::clock::UnixTime;

/// Which of Entra's two access token formats this is: the `ver` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `1.0`: `appid`, `iss` on sts.windows.net.
    V1,
    /// `2.0`: `azp`, `iss` on the cloud's login host.
    V2,
}

/// The claims of a token whose signature, issuer and times have been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claims {
    /// `iss`, ordinal.
    pub issuer: String,
    /// `aud`: one string, or the members of an array that are all strings.
    pub audiences: Vec<String>,
    /// `exp`.
    pub expires_at: UnixTime,
    /// `nbf`.
    pub not_before: UnixTime,
    /// `ver`, where it is one that is known.
    pub version: Option<Version>,
    /// `tid`: the tenant's GUID.
    pub tenant: Option<String>,
    /// `oid`: the immutable object id.
    pub object: Option<String>,
    /// `sub`.
    pub subject: Option<String>,
    /// `azp`, the client id in v2 tokens.
    pub azp: Option<String>,
    /// `appid`, the client id in v1 tokens.
    pub appid: Option<String>,
    /// `idtyp`: `app` is the one documented proof of an app-only token.
    pub identity_type: Option<String>,
    /// `roles`: app roles.
    pub roles: Vec<String>,
    /// `scp`, split at spaces; `None` where the claim is absent.
    pub scopes: Option<Vec<String>>,
    /// `uti`: the token's id, fit for a log.
    pub token_id: Option<String>,
    /// `name`: for display only.
    pub name: Option<String>,
    /// `preferred_username`: for display only, mutable.
    pub preferred_username: Option<String>,
    /// Whether the token is bound to a key (`cnf`, RFC 7800).
    pub confirmation: bool,
    /// Whether `nonce` or `at_hash`/`c_hash` is there: marks of an ID token (OpenID Connect Core §2).
    pub id_token_marks: bool,
}
