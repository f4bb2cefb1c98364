//! Signature, issuer and times: the order of checks is the order of this file.

use std::time::Duration;

use serde_json::Value;

use super::payload::Payload;
use super::provider;
use super::{Algorithm, Claims, Key, Profile, TokenError, UnverifiedToken};
use crate::clock::UnixTime;

/// The most that clocks may differ.
const MOST_LEEWAY: Duration = Duration::from_secs(300);

/// Verifies the tokens of one issuer against its keys.
#[derive(Debug)]
pub struct Verifier {
    profile: Profile,
}

impl Verifier {
    pub fn new(mut profile: Profile) -> Self {
        super::install_provider();
        profile.leeway = profile.leeway.min(MOST_LEEWAY);
        Self { profile }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Checks what the header says: before any key is sought for the token.
    pub fn check_header(&self, token: &UnverifiedToken<'_>) -> Result<(), TokenError> {
        if !self.profile.algorithms.contains(&token.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let mut types = self.profile.types.iter();
        match &token.media_type {
            Some(named) if !types.any(|known| named.eq_ignore_ascii_case(known)) => {
                Err(TokenError::Type)
            }
            _ => Ok(()),
        }
    }

    /// Verifies the signature with this key, then the claims' types, then issuer and times. Whom
    /// the token is for (`aud`) is the route's question; here it must only be said.
    pub fn verify(
        &self,
        token: UnverifiedToken<'_>,
        key: &Key,
        now: UnixTime,
    ) -> Result<Claims, TokenError> {
        self.check_header(&token)?;
        if token.key_id != key.id {
            return Err(TokenError::UnknownKey);
        }
        check_signature(&token, key)?;
        let names = &self.profile.reads;
        let payload = match token.read {
            Some(read) if read.is_by(names) => read,
            _ => Payload::read(&token.payload, names)?,
        };
        let claims = payload.into_claims(&self.profile)?;
        self.check_key_issuer(key, &claims)?;
        self.check_times(&claims, now)?;
        Ok(claims)
    }

    /// A key that says whose it is signs for no one else; any of the issuer's own names will do.
    fn check_key_issuer(&self, key: &Key, claims: &Claims) -> Result<(), TokenError> {
        let Some(issuer) = &key.issuer else {
            return Ok(());
        };
        let filled = match &self.profile.key_issuer {
            Some(open) => match claims.other(open.claim) {
                Some(Value::String(claim)) => {
                    Some(issuer.replace(open.text, &claim.to_ascii_lowercase()))
                }
                Some(_) => return Err(TokenError::MalformedClaim(open.claim)),
                None => None,
            },
            None => None,
        };
        let named = filled.as_deref().unwrap_or(issuer);
        if self.profile.owns_keys_of(named) {
            Ok(())
        } else {
            Err(TokenError::UnknownKey)
        }
    }

    /// RFC 7519 §4.1.4 and §4.1.5: *before* `exp`, *not before* `nbf`.
    fn check_times(&self, claims: &Claims, now: UnixTime) -> Result<(), TokenError> {
        let leeway = self.profile.leeway;
        if now >= claims.expires_at.plus(leeway) {
            return Err(TokenError::Expired {
                exp: claims.expires_at,
            });
        }
        match claims.not_before {
            Some(not_before) if now.plus(leeway) < not_before => {
                Err(TokenError::NotYetValid { nbf: not_before })
            }
            _ => Ok(()),
        }
    }
}

/// The signature over header and payload (RFC 7515 §5.2), by the algorithm that we chose. The
/// claims are not for `jsonwebtoken` to judge: it reads the system clock, rounds fractions, takes an
/// array for an issuer, and a wrong type for absence.
fn check_signature(token: &UnverifiedToken<'_>, key: &Key) -> Result<(), TokenError> {
    let algorithm = match token.algorithm {
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
    };
    // The verifier that `crypto::verify` would use, which would decode the signature once more.
    let verifier = provider::verifier(&algorithm, &key.decoding);
    let verified = verifier.map(|it| it.verify(token.message, &token.signature));
    match verified {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(TokenError::Signature),
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
