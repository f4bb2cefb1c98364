//! Which principal does an Entra access token name, and is it one at all? What only Entra's tokens
//! can be asked: `ver` against `iss`, `tid`, `oid`, `azp` or `appid`, app-only or delegated.

use std::sync::Arc;
use std::time::Duration;

use super::claims::{EntraClaims, Version};
use super::{Authority, Endpoint, Versions, claims};
use crate::guid::Guid;
use crate::jwt::{Algorithm, Claims, Placeholder, Profile, TokenError};
use crate::policy::{AudienceForm, PrincipalKind, TokenPrincipal};

/// What the tokens of a tenant must be like, of these versions. Entra's access tokens say `typ: JWT`,
/// never `at+jwt`. v2's keys name their issuer, and also sign the tenant's v1 tokens.
pub fn token_profile(authority: &Authority, versions: Versions, leeway: Duration) -> Profile {
    let issuer = |endpoint| Arc::from(authority.issuer(endpoint));
    let both = [Endpoint::V1, Endpoint::V2];
    let accepted = both.into_iter().filter(|one| versions.include(*one));
    Profile {
        algorithms: &[Algorithm::Rs256],
        types: &["JWT"],
        issuers: accepted.map(issuer).collect(),
        required: &["nbf"],
        reads: claims::read().map(Into::into).collect(),
        leeway,
        key_issuers: both.map(issuer).to_vec(),
        key_issuer: Some(Placeholder {
            text: "{tenantid}",
            claim: "tid",
        }),
    }
}

pub fn token_principal(
    authority: &Authority,
    issuer: &Arc<str>,
    mut claims: Claims,
) -> Result<TokenPrincipal, TokenError> {
    let own = EntraClaims::taken_from(&mut claims)?;
    let version = version(authority, &own, &claims)?;
    check_tenant(authority, own.tid.as_deref())?;
    if own.is_bound {
        return Err(TokenError::SenderConstrained);
    }
    if own.is_id_token {
        return Err(TokenError::Type);
    }
    // The calling application is one claim with two names; the other version's name is no proof.
    let client_id = match version {
        Version::V1 => guid("appid", own.appid.as_deref())?,
        Version::V2 => guid("azp", own.azp.as_deref())?,
    };
    let object_id = guid("oid", own.oid.as_deref())?;
    Ok(TokenPrincipal {
        kind: kind(&own, claims.subject.as_deref(), object_id)?,
        issuer: Arc::clone(issuer),
        client_id: Some(client_id),
        object_id: Some(object_id),
        tenant: Some(authority.tenant().guid()),
        roles: own.roles,
        scopes: own.scopes,
        token_id: own.token_id,
        name: own.name,
        preferred_username: own.preferred_username,
        audience_form: match version {
            Version::V1 => AudienceForm::AsAsked,
            Version::V2 => AudienceForm::Exact,
        },
        claims,
    })
}

/// The version a token claims, if its issuer is the one that signs tokens of that version.
fn version(
    authority: &Authority,
    own: &EntraClaims,
    claims: &Claims,
) -> Result<Version, TokenError> {
    let version = own.version.ok_or(TokenError::Issuer)?;
    let endpoint = match version {
        Version::V1 => Endpoint::V1,
        Version::V2 => Endpoint::V2,
    };
    if authority.is_issuer(endpoint, &claims.issuer) {
        Ok(version)
    } else {
        Err(TokenError::Issuer)
    }
}

/// `tid` is the tenant; as a GUID it has no case.
fn check_tenant(authority: &Authority, tid: Option<&str>) -> Result<(), TokenError> {
    if authority
        .tenant()
        .guid()
        .is(tid.ok_or(TokenError::MissingClaim("tid"))?)
    {
        Ok(())
    } else {
        Err(TokenError::Tenant)
    }
}

/// Whether the token was issued to an application itself or for a user.
///
/// SECURITY: a token must prove to be one or the other. The ID token of a registration that is web
/// client and API at once has the same issuer, key and audience and may carry roles; it has
/// neither `scp` nor an application's `sub`, nor does it say how a client proved itself, nor `idtyp`.
/// An access token of a user who was given roles, and whose client asked for no scope, does.
fn kind(
    own: &EntraClaims,
    subject: Option<&str>,
    object_id: Guid,
) -> Result<PrincipalKind, TokenError> {
    let delegated = !own.scopes.is_empty();
    match own.identity_type.as_deref() {
        Some("app") if delegated => Err(TokenError::MalformedClaim("idtyp")),
        Some("app") => Ok(PrincipalKind::App),
        Some("user") => Ok(PrincipalKind::User),
        None if delegated => Ok(PrincipalKind::User),
        // Without the optional claim: an application's `sub` is its service principal's `oid`, a
        // user's is a pseudonym made for the client.
        None => match subject {
            Some(subject) if object_id.is(subject) => Ok(PrincipalKind::App),
            Some(_) if own.client_class.is_some() && !own.roles.is_empty() => {
                Ok(PrincipalKind::User)
            }
            _ => Err(TokenError::Type),
        },
        Some(_) => Err(TokenError::Type),
    }
}

fn guid(name: &'static str, claim: Option<&str>) -> Result<Guid, TokenError> {
    let text = claim.ok_or(TokenError::MissingClaim(name))?;
    text.parse().map_err(|_| TokenError::MalformedClaim(name))
}

#[cfg(test)]
#[path = "principal_tests.rs"]
mod tests;
