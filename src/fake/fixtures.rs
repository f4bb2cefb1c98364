//! What the tests of all rooms share: one key pair of each kind, certificates, one time, and short ways to ask.

use std::sync::LazyLock;

use http::Method;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::rsa::Rsa;
use openssl::x509::X509;
use openssl::x509::extension::BasicConstraints;
use serde_json::Value;
use url::form_urlencoded;

use super::certificate::{KeyPair, asn1, begin, name};
use super::contoso::Contoso;
use super::http::{Origin, Request, Response};
use super::issuer::SigningKey;
use crate::clock::UnixTime;

/// 2026-11-18T11:06:40Z.
pub(crate) const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
pub(crate) const HOST: &str = "127.0.0.1:8400";

/// When [`PAIR`]'s certificate ends.
pub(crate) const NOT_AFTER: u64 = 1_893_456_000;

pub(crate) static PAIR: LazyLock<KeyPair> = LazyLock::new(|| {
    let end = UnixTime::from_seconds(NOT_AFTER);
    KeyPair::generate_until("Contoso SuperApp Cert", end).unwrap()
});
pub(crate) static STRANGER: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate("Somebody Else").unwrap());
pub(crate) static OTHER_KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate().unwrap());

pub(crate) fn contoso() -> Contoso {
    Contoso::with_key(SigningKey::shared().unwrap())
}

pub(crate) fn get(target: &str) -> Request {
    Request::new(Method::GET, target, NOW).with("host", HOST)
}

pub(crate) fn post_form(target: &str, form: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    Request::new(Method::POST, target, NOW)
        .with("host", HOST)
        .with("content-type", "application/x-www-form-urlencoded")
        .with_body(body)
}

pub(crate) fn ask(origin: &impl Origin, request: &Request) -> (u16, Value, Response) {
    let response = origin.answer(request);
    let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    (response.status.as_u16(), body, response)
}

/// Header and claims of a token, not verified.
pub(crate) fn decoded(token: &str) -> (Value, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |index: usize| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}

pub(crate) fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

/// A certificate of `subject`, signed by `issuer`.
pub(crate) fn certificate(
    subject: &str,
    key: &PKeyRef<Private>,
    issuer: &str,
    issuer_key: &PKeyRef<Private>,
    not_after: u64,
) -> X509 {
    let (subject, issuer) = (name(subject).unwrap(), name(issuer).unwrap());
    let mut builder = begin(&subject, &issuer, key).unwrap();
    let end = asn1(UnixTime::from_seconds(not_after)).unwrap();
    builder.set_not_after(&end).unwrap();
    let constraints = BasicConstraints::new().critical().ca().build().unwrap();
    builder.append_extension(constraints).unwrap();
    builder.sign(issuer_key, MessageDigest::sha256()).unwrap();
    builder.build()
}
