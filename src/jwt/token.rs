//! Has it the shape of a signed JWT (RFC 7515 §3.1), and does its header ask for nothing but what
//! is allowed here (RFC 8725 §3)? Nothing in it is trusted yet.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::json::{self, Member};
use crate::reason::Reason;

/// The longest `kid` that is looked up, in bytes; Entra's have 27 or 43.
pub(super) const LONGEST_KEY_ID: usize = 256;

/// A token whose shape and header are in order. Nothing it claims is proven.
pub struct UnverifiedToken<'a> {
    /// The whole compact serialisation.
    pub text: &'a str,
    /// `kid`.
    pub key_id: String,
    /// The unverified `iss`, to pick an issuer by and for nothing else.
    pub issuer: String,
}

impl<'a> UnverifiedToken<'a> {
    /// The longest token that is looked at, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// Takes the token apart.
    ///
    /// # Errors
    /// When it is too long, not three base64url parts, or its header is not acceptable.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > Self::LONGEST {
            return Err(TokenError::TooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed("it has not three parts"));
        };
        let (header, payload) = (decode(header)?, decode(payload)?);
        decode(signature)?;

        let header: Header = json::object(&header)
            .map_err(|_| TokenError::Malformed("its header is not a sound JSON object"))?;
        let key_id = header.key_id()?;
        let issuer = read_payload::<Payload>(&payload)?.iss.text("iss")?;
        Ok(Self {
            text,
            key_id,
            issuer: issuer.ok_or(TokenError::MissingClaim("iss"))?,
        })
    }

    /// Reads the payload once more, by another shape.
    pub(super) fn payload<T: DeserializeOwned>(&self) -> Result<T, TokenError> {
        read_payload(&decode(self.text.split('.').nth(1).unwrap_or_default())?)
    }
}

impl fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("UnverifiedToken([secret])")
    }
}

/// The header parameters that decide. `jku`, `jwk`, `x5u`, `x5c`, `x5t` are not among them: a
/// token does not say which key it is to be verified with.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    alg: Member,
    typ: Member,
    kid: Member,
    crit: Member,
    b64: Member,
    zip: Member,
    enc: Member,
    nonce: Member,
}

/// All that is read before the signature is verified.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    iss: Member,
}

impl Header {
    /// The `kid` of a header that asks for nothing else.
    fn key_id(self) -> Result<String, TokenError> {
        // SECURITY: the algorithm is ours, the token only agrees (RFC 8725 §3.1).
        match self.alg.text("alg") {
            Ok(Some(alg)) if alg == "RS256" => {}
            _ => return Err(TokenError::Algorithm),
        }
        // RFC 7515 §4.1.11: what is critical must be understood, and nothing is. `b64` (RFC 7797)
        // changes what is signed, `zip` and `enc` are encryption's.
        if [&self.crit, &self.b64, &self.zip, &self.enc]
            .iter()
            .any(|member| member.is_present())
        {
            return Err(TokenError::Critical);
        }
        // Entra signs a Graph token over another nonce than the header shows.
        if self.nonce.is_present() {
            return Err(TokenError::Nonce);
        }
        // Entra's access tokens say `JWT`, never `at+jwt`.
        match self.typ.text("typ") {
            Ok(None) => {}
            Ok(Some(typ)) if typ.eq_ignore_ascii_case("JWT") => {}
            _ => return Err(TokenError::Type),
        }
        match self.kid.text("kid") {
            Ok(Some(kid)) if (1..=LONGEST_KEY_ID).contains(&kid.len()) => Ok(kid),
            _ => Err(TokenError::Malformed("it names no key")),
        }
    }
}

fn read_payload<T: DeserializeOwned>(payload: &[u8]) -> Result<T, TokenError> {
    json::object(payload)
        .map_err(|_| TokenError::Malformed("its payload is not a sound JSON object"))
}

/// Strict base64url without padding, the unused bits of the last character zero: one token, one
/// text (RFC 7515 §2).
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(TokenError::Malformed("a part of it is not base64url")),
    }
}

/// Why a token is not genuine, or not one for us. Texts are safe: they never quote the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than `UnverifiedToken::LONGEST`.
    #[error("the token is too large")]
    TooLarge,
    /// Not three base64url parts of JSON, or no `kid`.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// `alg` is not RS256.
    #[error("the token's algorithm is not RS256")]
    Algorithm,
    /// `crit` (RFC 7515 §4.1.11) or `b64`, `zip`, `enc`.
    #[error("the token's header has a critical extension")]
    Critical,
    /// A header `nonce`: a token for Graph, whose signature others cannot verify.
    #[error("the token was issued for a Microsoft API")]
    Nonce,
    /// `typ` is neither absent nor `JWT`, or it is an ID token.
    #[error("the token is not an access token")]
    Type,
    /// `cnf` without a proof of possession.
    #[error("the token is sender-constrained")]
    SenderConstrained,
    /// No issuer of this route has this `iss`, or it disagrees with `ver` or `tid`.
    #[error("the token's issuer is not accepted")]
    Issuer,
    /// `tid` is not the configured tenant.
    #[error("the token is of another tenant")]
    Tenant,
    /// The key set has no such `kid`, or the key belongs to another issuer.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the token's signature is not valid")]
    Signature,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A required claim is absent.
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    /// A claim has the wrong type.
    #[error("the claim {0} has the wrong type")]
    MalformedClaim(&'static str),
}

impl TokenError {
    /// The word for it.
    pub fn reason(self) -> Reason {
        match self {
            Self::TooLarge => Reason::TokenTooLarge,
            Self::Malformed(_) => Reason::MalformedToken,
            Self::Algorithm => Reason::AlgorithmNotAllowed,
            Self::Critical => Reason::CriticalHeader,
            Self::Nonce => Reason::TokenNotForUs,
            Self::Type => Reason::WrongType,
            Self::SenderConstrained => Reason::SenderConstrained,
            Self::Issuer => Reason::UnknownIssuer,
            Self::Tenant => Reason::WrongTenant,
            Self::UnknownKey => Reason::UnknownKey,
            Self::Signature => Reason::BadSignature,
            Self::Expired => Reason::TokenExpired,
            Self::NotYetValid => Reason::TokenNotYetValid,
            Self::MissingClaim(_) => Reason::MissingClaim,
            Self::MalformedClaim(_) => Reason::MalformedClaim,
        }
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
