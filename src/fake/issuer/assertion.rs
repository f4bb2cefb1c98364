//! Does an assertion prove a client? (RFC 7523 §3, with Entra's thumbprints and AADSTS codes.) Takes every
//! variation that Entra takes: padded or standard base64 thumbprints, times as floats or strings.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;
use serde_json::{Map, Value};

use super::aadsts;
use super::refusal::{Refusal, ensure};
use super::registration::AppRegistration;
use crate::clock::UnixTime;
use crate::fake::token::{decoded, members};

/// How far a client's clock may be off, in seconds.
const SKEW: u64 = 300;
/// The furthest `exp` may be ahead, in seconds.
const LONGEST_LIFE: u64 = 24 * 3600;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    pub(super) jti: Option<String>,
    pub(super) expires_at: u64,
}

pub(super) fn verify(
    assertion: &str,
    app: &AppRegistration,
    audiences: &[String],
    now: UnixTime,
) -> Result<Proven, Refusal> {
    let (signed, signature) = assertion.rsplit_once('.').ok_or(aadsts::MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(aadsts::MALFORMED)?;
    let header = members(header).ok_or(aadsts::MALFORMED)?;
    let claims = members(claims).ok_or(aadsts::MALFORMED)?;
    let signature = decoded(signature).ok_or(aadsts::MALFORMED)?;

    let padding = match header.get("alg").and_then(Value::as_str) {
        Some("RS256") => Padding::PKCS1,
        Some("PS256") => Padding::PKCS1_PSS,
        _ => return Err(aadsts::OTHER_ALGORITHM.into()),
    };
    let certificate = certificate(&header, app)?;
    let verified = verifies(certificate, padding, signed.as_bytes(), &signature);
    ensure(verified.unwrap_or(false), aadsts::BAD_SIGNATURE)?;
    let is_past = is_past(certificate, now).unwrap_or(true);
    ensure(!is_past, aadsts::EXPIRED_CERTIFICATE)?;

    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issuer = text("iss").filter(|iss| text("sub") == Some(*iss));
    let issuer = issuer.ok_or(aadsts::OTHER_SUBJECT)?;
    let is_app = issuer.eq_ignore_ascii_case(&app.client_id);
    ensure(is_app, aadsts::OTHER_APP)?;
    let is_for_us = text("aud").is_some_and(|aud| audiences.iter().any(|ours| ours == aud));
    ensure(is_for_us, aadsts::OTHER_AUDIENCE)?;
    Ok(Proven {
        jti: text("jti").map(str::to_owned),
        expires_at: in_time(&claims, now)?,
    })
}

/// When it ends, where it holds now.
pub(super) fn in_time(claims: &Map<String, Value>, now: UnixTime) -> Result<u64, Refusal> {
    let now = now.seconds();
    let expires_at = seconds(claims.get("exp")).ok_or(aadsts::OUT_OF_TIME)?;
    let begins_at = match claims.get("nbf") {
        None => 0,
        given => seconds(given).ok_or(aadsts::OUT_OF_TIME)?,
    };
    let is_in_time = (now.saturating_sub(SKEW) + 1..=now + LONGEST_LIFE).contains(&expires_at)
        && begins_at <= now + SKEW
        && begins_at < expires_at;
    ensure(is_in_time, aadsts::OUT_OF_TIME)?;
    Ok(expires_at)
}

/// The registered certificate that the header's thumbprints name; if there are two, both must.
fn certificate<'a>(
    header: &Map<String, Value>,
    app: &'a AppRegistration,
) -> Result<&'a X509, Refusal> {
    let mut named = Vec::new();
    for (member, digest) in [
        ("x5t", MessageDigest::sha1()),
        ("x5t#S256", MessageDigest::sha256()),
    ] {
        if let Some(thumbprint) = header.get(member) {
            let thumbprint = thumbprint.as_str().and_then(lenient);
            named.push((digest, thumbprint.ok_or(aadsts::UNKNOWN_THUMBPRINT)?));
        }
    }
    ensure(!named.is_empty(), aadsts::NO_THUMBPRINT)?;
    let is_named = |certificate: &&X509| {
        named.iter().all(|(digest, thumbprint)| {
            let ours = certificate.digest(*digest);
            ours.is_ok_and(|ours| *ours == thumbprint[..])
        })
    };
    let found = app.certificates.iter().find(is_named);
    found.ok_or_else(|| aadsts::UNKNOWN_THUMBPRINT.into())
}

fn verifies(
    certificate: &X509,
    padding: Padding,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let key = certificate.public_key()?;
    let mut verifier = Verifier::new(MessageDigest::sha256(), &key)?;
    verifier.set_rsa_padding(padding)?;
    if padding == Padding::PKCS1_PSS {
        // RFC 7518 §3.5: the salt is as long as the hash.
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    verifier.verify_oneshot(signature, message)
}

fn is_past(certificate: &X509, now: UnixTime) -> Result<bool, ErrorStack> {
    let now = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    let now = openssl::asn1::Asn1Time::from_unix(now)?;
    Ok(*certificate.not_after() < now)
}

/// MSAL for Python pads its thumbprints, MSAL for Go writes them in the standard alphabet.
fn lenient(thumbprint: &str) -> Option<Vec<u8>> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [&URL_SAFE, &STANDARD].into_iter().find_map(|alphabet| {
        GeneralPurpose::new(alphabet, config)
            .decode(thumbprint)
            .ok()
    })
}

/// MSAL for Python writes `exp` as a float, MSAL for .NET as a string.
fn seconds(value: Option<&Value>) -> Option<u64> {
    let time = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    // INVARIANT: the range makes the conversion exact but for the fraction.
    (0.0..=1e12).contains(&time).then_some(time as u64)
}

#[cfg(test)]
#[path = "assertion_tests.rs"]
mod tests;
