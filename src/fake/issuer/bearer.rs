//! Would an API of Microsoft's take this token? What the mailbox asks, as Graph would: signature by the
//! issuer's keys, issuer, times, audience.

use serde_json::{Map, Value};

use super::entra::{Issuer, issuer_string};
use super::registration::Generation;
use crate::clock::UnixTime;
use crate::fake::token::{decoded, encoded, hashed_nonce, members};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fake) enum BearerError {
    Malformed,
    Signature,
    Issuer,
    Lifetime,
    Audience,
}

impl Issuer {
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
        let mut fields = members(header).ok_or(BearerError::Malformed)?;
        let claims = members(payload).ok_or(BearerError::Malformed)?;
        let signature = decoded(signature).ok_or(BearerError::Malformed)?;
        if fields.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(BearerError::Malformed);
        }
        let mut signed_header = header.to_owned();
        if let Some(nonce) = fields.get("nonce").and_then(Value::as_str) {
            let nonce = hashed_nonce(nonce);
            fields.insert("nonce".into(), Value::String(nonce));
            signed_header = encoded(&fields);
        }
        let message = format!("{signed_header}.{payload}");
        let kid = fields.get("kid").and_then(Value::as_str);
        let genuine = self
            .published_keys()
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
