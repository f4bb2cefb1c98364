//! Is this client who it says it is? A secret in the form or in `Authorization: Basic`, or an assertion
//! signed by a certificate; exactly one of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::entra::Issuer;
use super::misbehaviour::field;
use super::refusal::{Refusal, ensure};
use super::registration::AppRegistration;
use super::{aadsts, assertion, federation};
use crate::fake::http::Request;
use crate::secret::Secret;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// So many assertions are remembered against replay.
const REMEMBERED: usize = 10_000;

pub(super) struct Client<'a> {
    pub(super) id: String,
    proof: Proof<'a>,
}

enum Proof<'a> {
    Secret(Secret<String>),
    Assertion(&'a str),
}

impl<'a> Client<'a> {
    pub(super) fn of(request: &Request, form: &'a [(String, String)]) -> Result<Self, Refusal> {
        let secret = field(form, "client_secret");
        let assertion = field(form, "client_assertion");
        if let Some((id, secret_given)) = request.header("authorization").and_then(basic) {
            ensure(secret.is_none() && assertion.is_none(), aadsts::TWO_PROOFS)?;
            let named = field(form, "client_id");
            ensure(named.is_none_or(|named| named == id), aadsts::TWO_CLIENTS)?;
            let proof = Proof::Secret(secret_given);
            return Ok(Self { id, proof });
        }
        let id = field(form, "client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        let proof = match (secret, assertion) {
            (Some(_), Some(_)) => return Err(aadsts::TWO_PROOFS.into()),
            (None, None) => return Err(aadsts::NO_PROOF.into()),
            (Some(secret), None) => Proof::Secret(Secret::new(secret.to_owned())),
            (None, Some(assertion)) => {
                let kind = field(form, "client_assertion_type")
                    .ok_or_else(|| Refusal::missing("client_assertion_type"))?;
                ensure(kind == ASSERTION_TYPE, aadsts::OTHER_ASSERTION)?;
                Proof::Assertion(assertion)
            }
        };
        Ok(Self {
            id: id.to_owned(),
            proof,
        })
    }

    /// Checks the proof. Yields `appidacr`: 1 for a secret, 2 for a certificate.
    pub(super) fn prove(
        &self,
        issuer: &Issuer,
        app: &AppRegistration,
        tenant: &str,
        request: &Request,
    ) -> Result<&'static str, Refusal> {
        match &self.proof {
            Proof::Secret(secret) => {
                let known = app.secrets.iter().find(|known| known.value == *secret);
                let known = known.ok_or(aadsts::WRONG_SECRET)?;
                ensure(!known.expired, aadsts::EXPIRED_SECRET)?;
                Ok("1")
            }
            Proof::Assertion(text) if federation::is_federated(text, app) => {
                federation::verify(text, app, request.at)?;
                Ok("2")
            }
            Proof::Assertion(text) => {
                let base = request.base().unwrap_or_default();
                let audiences = ["oauth2/token", "oauth2/v2.0/token"]
                    .map(|path| format!("{base}/{tenant}/{path}"));
                let proven = assertion::verify(text, app, &audiences, request.at)?;
                if issuer.state.behaviour.lock().refuse_replays {
                    remember(issuer, &proven, request.at.seconds())?;
                }
                Ok("2")
            }
        }
    }
}

/// `client_secret_basic` (RFC 6749 §2.3.1): both halves are form-urlencoded.
fn basic(value: &str) -> Option<(String, Secret<String>)> {
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = credentials.split_once(':')?;
    let decoded = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced)
            .decode_utf8()
            .ok()
            .map(|text| text.into_owned())
    };
    Some((decoded(id)?, Secret::new(decoded(secret)?)))
}

fn remember(issuer: &Issuer, proven: &assertion::Proven, now: u64) -> Result<(), Refusal> {
    let jti = proven.jti.clone().ok_or(aadsts::REPLAYED)?;
    let mut seen = issuer.state.seen_assertions.lock();
    // An assertion is taken for five minutes beyond its end, so it is remembered for longer.
    seen.retain(|_, expires_at| *expires_at + 600 > now);
    let is_new = seen.len() < REMEMBERED && seen.insert(jti, proven.expires_at).is_none();
    ensure(is_new, aadsts::REPLAYED)
}
