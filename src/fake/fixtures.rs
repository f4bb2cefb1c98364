//! What the tests of this room share: one key pair of each kind, one time, and short ways to ask.

use std::sync::LazyLock;

use http::Method;
use serde_json::Value;
use url::form_urlencoded;

use super::certificate::KeyPair;
use super::contoso::Contoso;
use super::http::{Origin, Request, Response};
use super::issuer::SigningKey;
use crate::clock::UnixTime;

/// 2026-11-18T11:06:40Z.
pub(super) const NOW: UnixTime = UnixTime::from_seconds(1_795_000_000);
pub(super) const HOST: &str = "127.0.0.1:8400";

pub(super) static CLIENT: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate("Contoso SuperApp Cert").unwrap());
pub(super) static STRANGER: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::generate("Somebody Else").unwrap());
pub(super) static OTHER_KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate().unwrap());

pub(super) fn contoso() -> Contoso {
    Contoso::with_key(SigningKey::shared().unwrap())
}

pub(super) fn get(target: &str) -> Request {
    Request::new(Method::GET, target, NOW).with("host", HOST)
}

pub(super) fn post_form(target: &str, form: &[(&str, &str)]) -> Request {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    Request::new(Method::POST, target, NOW)
        .with("host", HOST)
        .with("content-type", "application/x-www-form-urlencoded")
        .with_body(body)
}

pub(super) fn ask(origin: &impl Origin, request: &Request) -> (u16, Value, Response) {
    let response = origin.answer(request);
    let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    (response.status.as_u16(), body, response)
}

/// Header and claims of a token, not verified.
pub(super) fn decoded(token: &str) -> (Value, Value) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |index: usize| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}
