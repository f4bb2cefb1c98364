//! Which principal does an Entra access token name, and is it one at all? What only Entra's tokens
//! can be asked: `ver` against `iss`, `tid`, `oid`, `azp` or `appid`, app-only or delegated.

use std::sync::Arc;

use super::{Authority, Endpoint};
use crate::guid::Guid;
use crate::jwt::{Claims, TokenError, Version};
use crate::policy::{PrincipalKind, TokenPrincipal};

/// Reads the principal out of verified claims.
///
/// # Errors
/// When the token is of another tenant, its `iss` disagrees with its `ver`, it is an ID token or
/// bound to a key, or a claim that names the caller is missing.
pub fn token_principal(
    authority: &Authority,
    issuer: &Arc<str>,
    claims: Claims,
) -> Result<TokenPrincipal, TokenError> {
    let version = version(authority, &claims)?;
    check_tenant(authority, &claims)?;
    if claims.confirmation {
        return Err(TokenError::SenderConstrained);
    }
    if claims.id_token_marks {
        return Err(TokenError::Type);
    }
    // The calling application is one claim with two names; the other version's name is no proof.
    let client_id = match version {
        Version::V1 => guid("appid", claims.appid.as_deref())?,
        Version::V2 => guid("azp", claims.azp.as_deref())?,
    };
    let object_id = guid("oid", claims.object.as_deref())?;
    Ok(TokenPrincipal {
        kind: kind(&claims, object_id)?,
        issuer: Arc::clone(issuer),
        client_id,
        object_id,
        claims,
    })
}

/// The version a token claims, if its issuer is the one that signs tokens of that version.
fn version(authority: &Authority, claims: &Claims) -> Result<Version, TokenError> {
    let version = claims.version.ok_or(TokenError::Issuer)?;
    let endpoint = match version {
        Version::V1 => Endpoint::V1,
        Version::V2 => Endpoint::V2,
    };
    if claims.issuer == authority.issuer(endpoint) {
        Ok(version)
    } else {
        Err(TokenError::Issuer)
    }
}

/// `tid` is the tenant; as a GUID it has no case.
fn check_tenant(authority: &Authority, claims: &Claims) -> Result<(), TokenError> {
    let tenant = claims
        .tenant
        .as_deref()
        .ok_or(TokenError::MissingClaim("tid"))?;
    if authority.tenant().guid().is(tenant) {
        Ok(())
    } else {
        Err(TokenError::Tenant)
    }
}

/// Whether the token was issued to an application itself or for a user.
///
/// SECURITY: a token must prove to be one or the other. The ID token of a registration that is web
/// client and API at once has the same issuer, key and audience and may carry roles; it has
/// neither `scp` nor an application's `sub`.
fn kind(claims: &Claims, object_id: Guid) -> Result<PrincipalKind, TokenError> {
    let delegated = claims.scopes.is_some();
    match claims.identity_type.as_deref() {
        Some("app") if delegated => Err(TokenError::MalformedClaim("idtyp")),
        Some("app") => Ok(PrincipalKind::App),
        Some("user") | None if delegated => Ok(PrincipalKind::User),
        // Without the optional claim: an application's `sub` is its service principal's `oid`, a
        // user's is a pseudonym made for the client.
        None if claims
            .subject
            .as_deref()
            .is_some_and(|subject| object_id.is(subject)) =>
        {
            Ok(PrincipalKind::App)
        }
        _ => Err(TokenError::Type),
    }
}

fn guid(name: &'static str, claim: Option<&str>) -> Result<Guid, TokenError> {
    let text = claim.ok_or(TokenError::MissingClaim(name))?;
    text.parse().map_err(|_| TokenError::MalformedClaim(name))
}

#[cfg(test)]
#[path = "principal_tests.rs"]
mod tests;
