//! Does an assertion prove a client? (RFC 7523 §3, with Entra's thumbprints and AADSTS codes.) Takes every
//! variation that Entra takes: padded or standard base64 thumbprints, times as floats or strings.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};
use openssl::x509::X509;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use super::registration::AppRegistration;
use crate::clock::UnixTime;

/// How far a client's clock may be off, in seconds.
const SKEW: u64 = 300;
/// The furthest `exp` may be ahead, in seconds.
const LONGEST_LIFE: u64 = 24 * 3600;

/// An assertion that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    /// Its `jti`, if it has one.
    pub(super) jti: Option<String>,
    /// Its `exp`.
    pub(super) expires_at: u64,
}

/// Verifies an assertion of an application that was posted to one of `audiences`.
pub(super) fn verify(
    assertion: &str,
    app: &AppRegistration,
    audiences: &[String],
    now: UnixTime,
) -> Result<Proven, Refusal> {
    let malformed = || Refusal::bad_client(50_027, "The assertion is no well-formed JWT.");
    let (signed, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let header = object(header).ok_or_else(malformed)?;
    let claims = object(claims).ok_or_else(malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;

    let algorithm = match header.get("alg").and_then(Value::as_str) {
        Some("RS256") => Padding::PKCS1,
        Some("PS256") => Padding::PKCS1_PSS,
        _ => {
            return Err(Refusal::bad_client(
                50_027,
                "The assertion's algorithm is not supported.",
            ));
        }
    };
    let certificate = certificate(&header, app)?;
    if !verifies(certificate, algorithm, signed.as_bytes(), &signature).unwrap_or(false) {
        return Err(Refusal::bad_client(
            700_027,
            "The certificate with the given thumbprint did not sign this assertion.",
        ));
    }
    if is_past(certificate, now).unwrap_or(true) {
        return Err(Refusal::bad_client(
            700_027,
            "The certificate used is expired.",
        ));
    }
    check_claims(&claims, app, audiences, now)
}

fn check_claims(
    claims: &Map<String, Value>,
    app: &AppRegistration,
    audiences: &[String],
    now: UnixTime,
) -> Result<Proven, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss").is_none() || text("iss") != text("sub") {
        return Err(Refusal::bad_client(
            50_048,
            "The subject must match the issuer.",
        ));
    }
    if !text("iss").is_some_and(|iss| iss.eq_ignore_ascii_case(&app.client_id)) {
        return Err(Refusal::bad_client(
            700_021,
            "The assertion's application is not that of the parameter 'client_id'.",
        ));
    }
    if !text("aud").is_some_and(|aud| audiences.iter().any(|ours| ours == aud)) {
        return Err(Refusal::bad_client(
            700_023,
            "The assertion's audience is not this token endpoint.",
        ));
    }
    let (now, outside) = (now.seconds(), || {
        Refusal::bad_client(700_024, "The assertion is not within its valid time range.")
    });
    let expires_at = seconds(claims.get("exp")).ok_or_else(outside)?;
    let begins_at = match claims.get("nbf") {
        None => 0,
        given => seconds(given).ok_or_else(outside)?,
    };
    if expires_at.saturating_add(SKEW) <= now
        || expires_at > now + LONGEST_LIFE
        || begins_at > now + SKEW
        || begins_at >= expires_at
    {
        return Err(outside());
    }
    Ok(Proven {
        jti: text("jti").map(str::to_owned),
        expires_at,
    })
}

/// The registered certificate that the header's thumbprints name; if there are two, both must.
fn certificate<'a>(
    header: &Map<String, Value>,
    app: &'a AppRegistration,
) -> Result<&'a X509, Refusal> {
    let unknown = || {
        Refusal::bad_client(
            700_027,
            "The key was not found by the thumbprint that the assertion's header gives.",
        )
    };
    let mut named = Vec::new();
    for (member, digest) in [
        ("x5t", MessageDigest::sha1()),
        ("x5t#S256", MessageDigest::sha256()),
    ] {
        let Some(thumbprint) = header.get(member) else {
            continue;
        };
        let thumbprint = thumbprint.as_str().and_then(lenient).ok_or_else(unknown)?;
        named.push((digest, thumbprint));
    }
    if named.is_empty() {
        return Err(Refusal::bad_client(
            50_027,
            "The assertion's header names no certificate by x5t or x5t#S256.",
        ));
    }
    app.certificates
        .iter()
        .find(|certificate| {
            named.iter().all(|(digest, thumbprint)| {
                certificate
                    .digest(*digest)
                    .is_ok_and(|ours| *ours == thumbprint[..])
            })
        })
        .ok_or_else(unknown)
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

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
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
