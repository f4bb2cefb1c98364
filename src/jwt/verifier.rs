//! Signature, issuer and times: the order of checks is the order of this file.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

use super::payload::Payload;
use super::{Claims, Key, TokenError, UnverifiedToken};
use crate::clock::UnixTime;

/// The most that clocks may differ.
const MOST_LEEWAY: Duration = Duration::from_secs(300);

/// What a token must agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The issuer strings that are accepted, compared ordinally.
    pub issuers: Vec<String>,
    /// How far clocks may differ, for `exp` and `nbf`; 300 s at most.
    pub leeway: Duration,
}

/// Verifies tokens against keys.
#[derive(Debug)]
pub struct Verifier {
    expected: Expected,
    validation: Validation,
}

impl Verifier {
    /// A verifier for one issuer.
    pub fn new(expected: Expected) -> Self {
        super::install_provider();
        Self {
            expected,
            validation: validation(),
        }
    }

    /// What it was made for.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Verifies the RS256 signature with this key, then the claims' types, then issuer and times.
    /// Whom the token is for (`aud`) is the route's question; here it must only be said.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(
        &self,
        token: &UnverifiedToken<'_>,
        key: &Key,
        now: UnixTime,
    ) -> Result<Claims, TokenError> {
        if token.key_id != key.id {
            return Err(TokenError::UnknownKey);
        }
        let claims = self.signed(token, key)?.into_claims()?;
        if !self.expected.issuers.contains(&claims.issuer) {
            return Err(TokenError::Issuer);
        }
        self.check_key_issuer(key, &claims)?;
        self.check_times(&claims, now)?;
        Ok(claims)
    }

    /// The payload, once the signature over it has been verified.
    fn signed(&self, token: &UnverifiedToken<'_>, key: &Key) -> Result<Payload, TokenError> {
        match jsonwebtoken::decode(token.text, &key.decoding, &self.validation) {
            Ok(decoded) => Ok(decoded.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => {
                    TokenError::Algorithm
                }
                ErrorKind::InvalidToken
                | ErrorKind::Base64(_)
                | ErrorKind::Json(_)
                | ErrorKind::Utf8(_)
                | ErrorKind::MissingRequiredClaim(_) => flaw(token),
                _ => TokenError::Signature,
            }),
        }
    }

    /// A key that says whose it is signs for no one else. Entra's v2 keys say so, and also sign
    /// the tenant's v1 tokens, so any of the tenant's own issuer strings will do.
    fn check_key_issuer(&self, key: &Key, claims: &Claims) -> Result<(), TokenError> {
        let Some(issuer) = &key.issuer else {
            return Ok(());
        };
        let issuer = match &claims.tenant {
            Some(tenant) => issuer.replace("{tenantid}", &tenant.to_ascii_lowercase()),
            None => issuer.clone(),
        };
        if self.expected.issuers.contains(&issuer) {
            Ok(())
        } else {
            Err(TokenError::UnknownKey)
        }
    }

    /// RFC 7519 §4.1.4 and §4.1.5: *before* `exp`, *not before* `nbf`.
    fn check_times(&self, claims: &Claims, now: UnixTime) -> Result<(), TokenError> {
        let leeway = self.expected.leeway.min(MOST_LEEWAY);
        if now >= claims.expires_at.plus(leeway) {
            return Err(TokenError::Expired);
        }
        if now.plus(leeway) < claims.not_before {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// What `jsonwebtoken` is asked: the signature, and that the claims are there. It reads the system
/// clock, rounds fractions, takes an array for an issuer, and a wrong type for absence; so types,
/// issuer and times are judged here.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// What is wrong with a payload that `jsonwebtoken` would not read: it does not say which claim.
fn flaw(token: &UnverifiedToken<'_>) -> TokenError {
    match token.payload::<Payload>().and_then(Payload::into_claims) {
        Err(why) => why,
        Ok(_) => TokenError::Malformed("a member of its JSON is repeated or of the wrong type"),
    }
}

#[cfg(test)]
#[path = "verifier_tests.rs"]
mod tests;
