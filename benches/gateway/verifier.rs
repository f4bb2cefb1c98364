//! What verifying a token costs where nothing is kept and nothing more is asked than RS256, issuer,
//! audience, times and one role.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::fake::Contoso;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use serde::Deserialize;

use super::world::credentials::{API, TENANT};

pub(super) struct Verifier {
    key: PKey<Public>,
    issuer: String,
}

#[derive(Deserialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: u64,
    nbf: u64,
    roles: Vec<String>,
}

impl Verifier {
    /// By a public key in PEM.
    pub(super) fn new(pem: &[u8]) -> Self {
        Self {
            key: PKey::public_key_from_pem(pem).unwrap(),
            issuer: format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        }
    }

    /// Whether this is the value of `Authorization` of somebody who may come in.
    pub(super) fn accepts(&self, authorization: &[u8]) -> bool {
        self.check(authorization).is_some()
    }

    fn check(&self, authorization: &[u8]) -> Option<()> {
        let token = std::str::from_utf8(authorization.strip_prefix(b"Bearer ")?).ok()?;
        let (message, signature) = token.rsplit_once('.')?;
        let (head, payload) = message.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let head = decode(head)?;
        let header: Header<'_> = serde_json::from_slice(&head).ok()?;
        if header.alg != "RS256" || header.kid.is_empty() {
            return None;
        }
        let signature = decode(signature)?;
        let mut verifier = openssl::sign::Verifier::new(MessageDigest::sha256(), &self.key).ok()?;
        if !verifier
            .verify_oneshot(&signature, message.as_bytes())
            .ok()?
        {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&decode(payload)?).ok()?;
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()?;
        let is_good = claims.iss == self.issuer
            && claims.aud == API
            && claims.nbf <= now.as_secs() + 60
            && now.as_secs() < claims.exp + 60
            && claims.roles.iter().any(|role| role == Contoso::CALC_ROLE);
        is_good.then_some(())
    }
}
