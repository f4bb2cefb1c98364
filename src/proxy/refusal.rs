//! What did the upstream say when it refused our token? Its words for machines alone, each bounded:
//! the error's code, the request's id on its side, the challenge's error (RFC 6750 §3).

use std::fmt::Write;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Body;
use serde::Deserialize;

use super::attempts::Answered;
use super::failure::Failure;
use crate::reason::Reason;

/// Bytes of the answer that are read.
const MOST: usize = 8 * 1024;
/// How long they are waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a word that are told.
const LONG: usize = 100;

const REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-ms-request-id"),
];

/// Of Graph and its like (OData JSON 4.01 §21).
#[derive(Deserialize)]
struct Refused {
    error: Coded,
}

#[derive(Deserialize)]
struct Coded {
    code: String,
}

pub(super) async fn told(mut answered: Answered) -> Failure {
    let headers = std::mem::take(&mut answered.head.headers);
    let mut body = Vec::new();
    // What came in time is told.
    let _ = tokio::time::timeout(PATIENCE, read(&mut answered, &mut body)).await;
    Failure::new(Reason::UpstreamRefusedToken, words(&headers, &body))
}

async fn read(answered: &mut Answered, bytes: &mut Vec<u8>) {
    while bytes.len() < MOST {
        let frame = poll_fn(|cx| {
            answered.carrier.drive(cx);
            Pin::new(&mut answered.incoming).poll_frame(cx)
        });
        let Some(Ok(frame)) = frame.await else { return };
        let data = frame.into_data().unwrap_or_default();
        bytes.extend_from_slice(&data[..data.len().min(MOST - bytes.len())]);
    }
}

fn words(headers: &HeaderMap, body: &[u8]) -> String {
    let refused: Option<Refused> = serde_json::from_slice(body).ok();
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let challenge = headers.get(header::WWW_AUTHENTICATE).and_then(text);
    let id = REQUEST_IDS.iter().find_map(|name| headers.get(name));
    let mut told = "the upstream answered 401".to_owned();
    for (name, word) in [
        ("code", refused.map(|it| it.error.code)),
        ("error", challenge.as_deref().and_then(error_of)),
        ("request-id", id.and_then(text)),
    ] {
        // SECURITY: all else that it says may quote what it was sent.
        if let Some(word) = word.filter(|word| is_word(word)) {
            // A String takes it.
            let _ = write!(told, ", {name} {word}");
        }
    }
    told
}

/// The parameter `error` of a challenge.
fn error_of(challenge: &str) -> Option<String> {
    let mut parts = challenge.split([' ', ',', '\t']);
    let value = parts.find_map(|part| part.strip_prefix("error="))?;
    Some(value.trim_matches('"').to_owned())
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    // A token begins like that.
    (1..=LONG).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with("eyJ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_machines_are_told_and_nothing_else() {
        let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"of eyJ"}}"#;
        let challenge = r#"Bearer realm="", error_description="x", error="invalid_token""#;
        #[rustfmt::skip]
        let table = [
            (body, challenge, "ab-1", ", code InvalidAuthenticationToken, error invalid_token, request-id ab-1"),
            ("<html>", "Bearer", "ab-1", ", request-id ab-1"),
            (r#"{"error":"x"}"#, "Bearer error=\"x\"", "a b", ", error x"),
            (r#"{"error":{"code":"eyJh.b.c"}}"#, "Basic error=", &"a".repeat(101), ""),
        ];
        for (body, challenge, id, expected) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                (&header::WWW_AUTHENTICATE, challenge),
                (&REQUEST_IDS[0], id),
            ] {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
            let told = words(&headers, body.as_bytes());
            assert_eq!(told, format!("the upstream answered 401{expected}"));
        }
    }
}
