//! Does another issuer's token prove a client? A federated credential names issuer, subject and audience to the
//! letter; the issuer's key is registered with it, where Entra reads its discovery document.

use openssl::hash::MessageDigest;
use openssl::sign::Verifier;
use openssl::x509::X509;
use serde_json::{Map, Value};

use super::aadsts::{self, Aadsts};
use super::assertion::in_time;
use super::platform_tokens::{TOKEN_EXCHANGE, TOKEN_EXCHANGE_ID};
use super::refusal::{Refusal, ensure};
use super::registration::AppRegistration;
use crate::clock::UnixTime;
use crate::fake::token::{decoded, members};

/// A federated credential of an application.
#[derive(Clone, Debug)]
pub(super) struct Federated {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    /// With the key that the issuer signs by.
    pub(super) signer: X509,
}

/// Whether an assertion is somebody else's than the application's own: it names no certificate.
pub(super) fn is_federated(assertion: &str, app: &AppRegistration) -> bool {
    let mut parts = assertion.split('.').map(members);
    let (Some(Some(header)), Some(Some(claims))) = (parts.next(), parts.next()) else {
        return false;
    };
    let names_none = !header.contains_key("x5t") && !header.contains_key("x5t#S256");
    names_none && !text(&claims, "iss").eq_ignore_ascii_case(&app.client_id)
}

pub(super) fn verify(assertion: &str, app: &AppRegistration, now: UnixTime) -> Result<(), Refusal> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or(aadsts::MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(aadsts::MALFORMED)?;
    let header = members(header).ok_or(aadsts::MALFORMED)?;
    let claims = members(claims).ok_or(aadsts::MALFORMED)?;
    let signature = decoded(signature).ok_or(aadsts::MALFORMED)?;
    let is_rs256 = header.get("alg").and_then(Value::as_str) == Some("RS256");
    ensure(is_rs256, aadsts::OTHER_ALGORITHM)?;
    ensure(!app.federated.is_empty(), aadsts::NO_FEDERATION)?;
    let (issuer, subject, audience) = (
        text(&claims, "iss"),
        text(&claims, "sub"),
        audiences(&claims),
    );

    let fits = matching(
        app.federated.iter().collect(),
        aadsts::OTHER_FEDERATED_ISSUER,
        |it| (&it.issuer, vec![issuer.clone()]),
    )?;
    let fits = matching(fits, aadsts::OTHER_FEDERATED_SUBJECT, |it| {
        (&it.subject, vec![subject.clone()])
    })?;
    let fits = matching(fits, aadsts::OTHER_FEDERATED_AUDIENCE, |it| {
        (&it.audience, audience.clone())
    })?;
    let is_signed = fits
        .iter()
        .any(|it| verifies(&it.signer, signed.as_bytes(), &signature));
    ensure(is_signed, aadsts::BAD_SIGNATURE)?;
    in_time(&claims, now).map(|_| ())
}

/// Those whose value is one of those that came; told apart is what differs by case alone.
fn matching<'a>(
    records: Vec<&'a Federated>,
    none: Aadsts,
    compared: impl Fn(&'a Federated) -> (&'a String, Vec<String>),
) -> Result<Vec<&'a Federated>, Refusal> {
    let by = |same: fn(&str, &str) -> bool| {
        let records = records.iter().copied();
        let fitting = records.filter(|it| {
            let (wanted, came) = compared(it);
            came.iter().any(|one| same(one, wanted))
        });
        fitting.collect::<Vec<_>>()
    };
    let fitting = by(|one, other| one == other);
    if !fitting.is_empty() {
        return Ok(fitting);
    }
    match by(str::eq_ignore_ascii_case).is_empty() {
        true => Err(none.into()),
        false => Err(aadsts::OTHER_CASE.into()),
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> String {
    let text = claims.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn audiences(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("aud") {
        // A managed identity's token names the resource by its id.
        Some(Value::String(one)) if one == TOKEN_EXCHANGE_ID => vec![TOKEN_EXCHANGE.to_owned()],
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => {
            let several = several.iter().filter_map(Value::as_str);
            several.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn verifies(signer: &X509, message: &[u8], signature: &[u8]) -> bool {
    let verified = || {
        let key = signer.public_key()?;
        Verifier::new(MessageDigest::sha256(), &key)?.verify_oneshot(signature, message)
    };
    verified().unwrap_or(false)
}
