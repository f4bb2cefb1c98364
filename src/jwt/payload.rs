//! Which claims of a signed payload are read, and which type must each have? Unknown claims are
//! passed over; a repeated one, or `tid` in another spelling, is refused.

use serde::Deserialize;

use super::json::Member;
use super::{Claims, TokenError, Version};
use crate::clock::UnixTime;

/// The claims that are read, as they came.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Payload {
    iss: Member,
    aud: Member,
    exp: Member,
    nbf: Member,
    ver: Member,
    tid: Member,
    // Microsoft's own library refuses a token that says `tid` twice in different case; it is a way
    // to show one tenant to the one who compares exactly and another to the one who does not.
    #[serde(
        rename = "TID",
        alias = "TId",
        alias = "TiD",
        alias = "Tid",
        alias = "tID",
        alias = "tId",
        alias = "tiD"
    )]
    tid_respelled: Member,
    oid: Member,
    sub: Member,
    azp: Member,
    appid: Member,
    idtyp: Member,
    roles: Member,
    scp: Member,
    uti: Member,
    name: Member,
    preferred_username: Member,
    cnf: Member,
    nonce: Member,
    at_hash: Member,
    c_hash: Member,
}

impl Payload {
    /// Gives each claim its one type.
    ///
    /// # Errors
    /// The first claim that is missing or of another type.
    pub(super) fn into_claims(self) -> Result<Claims, TokenError> {
        use TokenError::{MalformedClaim, MissingClaim};

        if self.tid_respelled.is_present() {
            return Err(MalformedClaim("tid"));
        }
        let version = self.ver.text("ver")?;
        Ok(Claims {
            issuer: self.iss.text("iss")?.ok_or(MissingClaim("iss"))?,
            audiences: self.aud.text_or_texts("aud")?.ok_or(MissingClaim("aud"))?,
            expires_at: time(self.exp, "exp")?,
            not_before: time(self.nbf, "nbf")?,
            version: version.and_then(|version| match version.as_str() {
                "1.0" => Some(Version::V1),
                "2.0" => Some(Version::V2),
                _ => None,
            }),
            tenant: self.tid.text("tid")?,
            object: self.oid.text("oid")?,
            subject: self.sub.text("sub")?,
            azp: self.azp.text("azp")?,
            appid: self.appid.text("appid")?,
            identity_type: self.idtyp.text("idtyp")?,
            roles: self.roles.texts("roles")?.unwrap_or_default(),
            scopes: scopes(self.scp)?,
            token_id: self.uti.text("uti")?,
            name: self.name.text("name")?,
            preferred_username: self.preferred_username.text("preferred_username")?,
            confirmation: self.cnf.is_present(),
            id_token_marks: self.nonce.is_present()
                || self.at_hash.is_present()
                || self.c_hash.is_present(),
        })
    }
}

fn time(member: Member, name: &'static str) -> Result<UnixTime, TokenError> {
    member
        .seconds(name)?
        .map(UnixTime::from_seconds)
        .ok_or(TokenError::MissingClaim(name))
}

/// `scope = scope-token *( SP scope-token )` (RFC 6749 §3.3): none at all is no scope.
fn scopes(member: Member) -> Result<Option<Vec<String>>, TokenError> {
    let Some(text) = member.text("scp")? else {
        return Ok(None);
    };
    let scopes: Vec<String> = text
        .split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() {
        return Err(TokenError::MalformedClaim("scp"));
    }
    Ok(Some(scopes))
}
