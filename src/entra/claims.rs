//! What do Entra's access tokens say beside the registered claims? Each claim with its one type (its
//! access token claims reference); a second spelling of `tid` is refused.

use crate::jwt::{Claims, TokenError};

const NAMES: [&str; 13] = [
    "ver",
    "tid",
    "oid",
    "azp",
    "appid",
    "azpacr",
    "appidacr",
    "idtyp",
    "roles",
    "scp",
    "uti",
    "name",
    "preferred_username",
];
/// A token that is bound to a key (RFC 7800).
const CONFIRMATION: &str = "cnf";
/// Marks of an ID token (OpenID Connect Core §2).
const ID_TOKEN_MARKS: [&str; 3] = ["nonce", "at_hash", "c_hash"];
/// Microsoft's own library refuses a token that says `tid` twice in different case; it is a way to
/// show one tenant to the one who compares exactly and another to the one who does not.
const RESPELLED: [&str; 7] = ["TID", "TId", "TiD", "Tid", "tID", "tId", "tiD"];

/// Which of Entra's two access token formats this is: the `ver` claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `1.0`: `appid`, `iss` on sts.windows.net.
    V1,
    /// `2.0`: `azp`, `iss` on the cloud's login host.
    V2,
}

/// What is read of Entra's tokens beside the registered claims.
pub(super) fn read() -> impl Iterator<Item = &'static str> {
    let marks = ID_TOKEN_MARKS.into_iter().chain([CONFIRMATION]);
    NAMES.into_iter().chain(marks).chain(RESPELLED)
}

/// Entra's own claims, taken out of a token's.
pub(super) struct EntraClaims {
    /// `ver`, where it is one that is known.
    pub(super) version: Option<Version>,
    pub(super) tid: Option<String>,
    pub(super) oid: Option<String>,
    pub(super) azp: Option<String>,
    pub(super) appid: Option<String>,
    /// How the calling application proved itself, which only access tokens say: `azpacr` (v2) or
    /// `appidacr` (v1).
    pub(super) client_class: Option<String>,
    /// `idtyp`: `app` is the one documented proof of an app-only token.
    pub(super) identity_type: Option<String>,
    pub(super) roles: Vec<String>,
    /// `scp`, split at spaces; never empty where the claim is there.
    pub(super) scopes: Vec<String>,
    /// `uti`, fit for a log.
    pub(super) token_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) preferred_username: Option<String>,
    pub(super) is_bound: bool,
    pub(super) is_id_token: bool,
}

impl EntraClaims {
    pub(super) fn taken_from(claims: &mut Claims) -> Result<Self, TokenError> {
        if claims.others().any(|name| RESPELLED.contains(&name)) {
            return Err(TokenError::MalformedClaim("tid"));
        }
        let mut text = |name| claims.take(name).text(name);
        let version = match text("ver")?.as_deref() {
            Some("1.0") => Some(Version::V1),
            Some("2.0") => Some(Version::V2),
            _ => None,
        };
        let (v1, v2) = (text("appidacr")?, text("azpacr")?);
        let own = Self {
            version,
            client_class: match version {
                Some(Version::V1) => v1,
                Some(Version::V2) => v2,
                None => None,
            },
            tid: text("tid")?,
            oid: text("oid")?,
            azp: text("azp")?,
            appid: text("appid")?,
            identity_type: text("idtyp")?,
            token_id: text("uti")?,
            name: text("name")?,
            preferred_username: text("preferred_username")?,
            scopes: match text("scp")? {
                Some(scp) => scopes(&scp)?,
                None => Vec::new(),
            },
            roles: claims.take("roles").texts("roles")?.unwrap_or_default(),
            is_bound: claims.take(CONFIRMATION).is_present(),
            is_id_token: any_present(claims, &ID_TOKEN_MARKS),
        };
        claims.shrink();
        Ok(own)
    }
}

fn any_present(claims: &mut Claims, names: &[&str]) -> bool {
    names.iter().any(|name| claims.take(name).is_present())
}

/// `scope = scope-token *( SP scope-token )` (RFC 6749 §3.3): none at all is no scope.
fn scopes(text: &str) -> Result<Vec<String>, TokenError> {
    let scopes = text.split(' ').filter(|scope| !scope.is_empty());
    let scopes: Vec<String> = scopes.map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(TokenError::MalformedClaim("scp"));
    }
    Ok(scopes)
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
