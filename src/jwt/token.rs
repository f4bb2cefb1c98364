//! Has it the shape of a signed JWT (RFC 7515 §3.1), and does its header ask for nothing but what
//! is allowed here (RFC 8725 §3)? Nothing in it is trusted yet.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::{Algorithm, Member, TokenError, json};

/// The longest `kid` that is looked up, in bytes; Entra's have 27 or 43.
pub(super) const LONGEST_KEY_ID: usize = 256;

const NO_BASE64: TokenError = TokenError::Malformed("a part of it is not base64url");

/// A token whose shape and header are in order. Nothing it claims is proven.
pub struct UnverifiedToken<'a> {
    /// The whole compact serialisation.
    pub text: &'a str,
    pub key_id: String,
    /// The unverified `iss`, to pick an issuer by and for nothing else.
    pub issuer: String,
    pub(super) algorithm: Algorithm,
    pub(super) media_type: Option<String>,
    /// Decoded, not yet read but for `iss`.
    pub(super) payload: Vec<u8>,
}

impl<'a> UnverifiedToken<'a> {
    /// The longest token that is looked at, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    pub fn parse(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Result<Self, TokenError> {
        let text = text.as_ref();
        if text.len() > Self::LONGEST {
            return Err(TokenError::TooLarge);
        }
        let text = std::str::from_utf8(text).map_err(|_| NO_BASE64)?;
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
        let (algorithm, media_type, key_id) = header.checked()?;
        let issuer = json::object::<Payload>(&payload)
            .map_err(|_| TokenError::Malformed("its payload is not a sound JSON object"))?
            .iss
            .text("iss")?;
        Ok(Self {
            text,
            key_id,
            issuer: issuer.ok_or(TokenError::MissingClaim("iss"))?,
            algorithm,
            media_type,
            payload,
        })
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
    /// `alg`, `typ` and `kid` of one that asks for nothing but a signature.
    fn checked(self) -> Result<(Algorithm, Option<String>, String), TokenError> {
        let algorithm = match self.alg.text("alg") {
            Ok(Some(alg)) => Algorithm::of(&alg).ok_or(TokenError::Algorithm)?,
            _ => return Err(TokenError::Algorithm),
        };
        // RFC 7515 §4.1.11: what is critical must be understood, and nothing is. `b64` (RFC 7797)
        // changes what is signed, `zip` and `enc` are encryption's.
        if [&self.crit, &self.b64, &self.zip, &self.enc]
            .iter()
            .any(|member| member.is_present())
        {
            return Err(TokenError::Critical);
        }
        // What is signed is another nonce than the header shows: only the API that knows it can verify
        // such a token.
        if self.nonce.is_present() {
            return Err(TokenError::Nonce);
        }
        let media_type = self.typ.text("typ").map_err(|_| TokenError::Type)?;
        let key_id = match self.kid.text("kid") {
            Ok(Some(kid)) if (1..=LONGEST_KEY_ID).contains(&kid.len()) => kid,
            _ => return Err(TokenError::Malformed("it names no key")),
        };
        Ok((algorithm, media_type, key_id))
    }
}

/// Strict base64url without padding, the unused bits of the last character zero: one token, one
/// text (RFC 7515 §2).
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    match URL_SAFE_NO_PAD.decode(part) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(NO_BASE64),
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
