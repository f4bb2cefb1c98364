//! Has it the shape of a signed JWT (RFC 7515 §3.1), and does its header ask for nothing but what
//! is allowed here (RFC 8725 §3)? Nothing in it is trusted yet.

use std::fmt;

use serde::Deserialize;

use super::payload::Payload;
use super::{Algorithm, ClaimNames, Member, TokenError, base64url, json};

/// The longest `kid` that is looked up, in bytes; Entra's have 27 or 43.
pub(super) const LONGEST_KEY_ID: usize = 256;

/// A token whose shape and header are in order. Nothing it claims is proven.
#[derive(Clone)]
pub struct UnverifiedToken<'a> {
    /// The whole compact serialisation.
    pub text: &'a [u8],
    pub key_id: String,
    /// The unverified `iss`, to pick an issuer by and for nothing else.
    pub issuer: String,
    pub(super) algorithm: Algorithm,
    pub(super) media_type: Option<String>,
    /// What the signature is over.
    pub(super) message: &'a [u8],
    /// Decoded.
    pub(super) signature: Vec<u8>,
    /// Decoded.
    pub(super) payload: Vec<u8>,
    /// What was read of it beside `iss`, where that could be.
    pub(super) read: Option<Payload>,
}

impl<'a> UnverifiedToken<'a> {
    /// The longest token that is looked at, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// Of the payload, only `iss` is read.
    pub fn parse(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Result<Self, TokenError> {
        Self::parse_shape(text.as_ref())?.with_issuer()
    }

    /// The same, and reads these claims on the way: those that the likely issuer reads. What is wrong
    /// with any but `iss` is the verifier's to say, after the signature.
    pub fn parse_for(text: &'a [u8], names: &ClaimNames) -> Result<Self, TokenError> {
        let mut token = Self::parse_shape(text)?;
        let Ok(read) = Payload::read(&token.payload, names) else {
            return token.with_issuer();
        };
        let issuer = read.issuer()?;
        token.issuer = issuer.ok_or(TokenError::MissingClaim("iss"))?;
        token.read = Some(read);
        Ok(token)
    }

    /// All but what the payload says.
    fn parse_shape(text: &'a [u8]) -> Result<Self, TokenError> {
        if text.len() > Self::LONGEST {
            return Err(TokenError::TooLarge);
        }
        let first = memchr::memchr(b'.', text).ok_or(PARTS)?;
        let last = memchr::memrchr(b'.', text).ok_or(PARTS)?;
        let payload = text.get(first + 1..last).ok_or(PARTS)?;
        let (header, message, signature) = (&text[..first], &text[..last], &text[last + 1..]);
        let header = decode(header)?;
        // A dot that is left is in here, and no base64url.
        let payload = decode(payload).map_err(|why| match payload.contains(&b'.') {
            true => PARTS,
            false => why,
        })?;
        let signature = decode(signature)?;
        let header: Header = json::object(&header)
            .map_err(|_| TokenError::Malformed("its header is not a sound JSON object"))?;
        let (algorithm, media_type, key_id) = header.checked()?;
        Ok(Self {
            text,
            key_id,
            issuer: String::new(),
            algorithm,
            media_type,
            message,
            signature,
            payload,
            read: None,
        })
    }

    fn with_issuer(mut self) -> Result<Self, TokenError> {
        let claims: Issued = json::object(&self.payload)
            .map_err(|_| TokenError::Malformed("its payload is not a sound JSON object"))?;
        let issuer = claims.iss.text("iss")?;
        self.issuer = issuer.ok_or(TokenError::MissingClaim("iss"))?;
        Ok(self)
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

/// A payload of which nothing else is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Issued {
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

const PARTS: TokenError = TokenError::Malformed("it has not three parts");

fn decode(part: &[u8]) -> Result<Vec<u8>, TokenError> {
    match base64url::decode(part) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(TokenError::Malformed("a part of it is not base64url")),
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
