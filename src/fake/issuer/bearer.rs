//! Would an API of Microsoft's take this token? What the mailbox asks, as Graph would: signature by the
//! issuer's keys, issuer, times, audience.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::entra::{Issuer, issuer_string};
use super::registration::Generation;
use crate::clock::UnixTime;
use crate::fake::token::hashed_nonce;

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fake) enum BearerError {
    /// Not a JWT signed with RS256.
    Malformed,
    /// Signed by no key of ours.
    Signature,
    /// Of no tenant.
    Issuer,
    /// Expired or not valid yet.
    Lifetime,
    /// For another API.
    Audience,
}

impl Issuer {
    /// The claims of a token that is genuine and for one of `audiences`.
    pub(in crate::fake) fn check(
        &self,
        token: &str,
        audiences: &[&str],
        now: UnixTime,
    ) -> Result<Map<String, Value>, BearerError> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BearerError::Malformed);
        };
        let mut fields = object(header).ok_or(BearerError::Malformed)?;
        let claims = object(payload).ok_or(BearerError::Malformed)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| BearerError::Malformed)?;
        if fields.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(BearerError::Malformed);
        }
        let mut signed_header = header.to_owned();
        if let Some(nonce) = fields.get("nonce").and_then(Value::as_str) {
            let nonce = hashed_nonce(nonce);
            fields.insert("nonce".into(), Value::String(nonce));
            let text = serde_json::to_vec(&fields).map_err(|_| BearerError::Malformed)?;
            signed_header = URL_SAFE_NO_PAD.encode(text);
        }
        let message = format!("{signed_header}.{payload}");
        let kid = fields.get("kid").and_then(Value::as_str);
        let genuine = self
            .state
            .keys
            .read()
            .iter()
            .any(|key| Some(key.kid()) == kid && key.verifies(message.as_bytes(), &signature));
        if !genuine {
            return Err(BearerError::Signature);
        }
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let tenant = text("tid").ok_or(BearerError::Issuer)?;
        let issuers = [Generation::V1, Generation::V2].map(|of| issuer_string(of, tenant));
        if !text("iss").is_some_and(|iss| issuers.iter().any(|ours| ours == iss)) {
            return Err(BearerError::Issuer);
        }
        let time = |name: &str| claims.get(name).and_then(Value::as_u64);
        let (Some(begins_at), Some(ends_at)) = (time("nbf"), time("exp")) else {
            return Err(BearerError::Lifetime);
        };
        if now.seconds() < begins_at || now.seconds() >= ends_at {
            return Err(BearerError::Lifetime);
        }
        let audience = text("aud").map(|aud| aud.strip_suffix('/').unwrap_or(aud));
        if !audience.is_some_and(|aud| audiences.contains(&aud)) {
            return Err(BearerError::Audience);
        }
        Ok(claims)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
