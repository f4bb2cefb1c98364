//! What did an upstream say that refused our token? Its words for machines alone, each bounded: the error's
//! code, the request's id on its side, the challenge's error (RFC 6750 §3) and the names of its claims.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue, header, response};
use serde::Deserialize;

use crate::entra::{ClaimsChallenge, challenges};

/// Bytes of a word that are told.
const LONG: usize = 100;

const REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-ms-request-id"),
];

/// gRPC's status, where it stands in an answer's head: it has no more.
pub(super) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Of Graph and its like (OData JSON 4.01 §21).
#[derive(Deserialize)]
struct Refused {
    error: Coded,
}

#[derive(Deserialize)]
struct Coded {
    code: String,
}

/// Its challenges.
pub(super) fn fields(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let fields = headers.get_all(header::WWW_AUTHENTICATE).iter();
    fields.filter_map(|field| field.to_str().ok())
}

pub(super) fn words(head: &response::Parts, body: &[u8]) -> String {
    let headers = &head.headers;
    let refused: Option<Refused> = serde_json::from_slice(body).ok();
    let bearer = || {
        fields(headers)
            .flat_map(challenges)
            .find(|it| it.is("bearer"))
    };
    let param = |name: &str| Some(bearer()?.param(name)?.to_owned());
    let id = REQUEST_IDS.iter().find_map(|name| headers.get(name));
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let mut told = match headers.get(GRPC_STATUS).and_then(text) {
        Some(status) if is_word(&status) => format!("the upstream answered grpc-status {status}"),
        _ => format!("the upstream answered {}", head.status.as_u16()),
    };
    for (name, word) in [
        ("code", refused.map(|it| it.error.code)),
        ("error", param("error")),
        ("request-id", id.and_then(text)),
    ] {
        // SECURITY: all else that it says may quote what it was sent.
        if let Some(word) = word.filter(|word| is_word(word)) {
            // A String takes it.
            let _ = write!(told, ", {name} {word}");
        }
    }
    if param("claims").is_some() {
        let challenge = ClaimsChallenge::of(fields(headers));
        let claims = challenge.map_or("that cannot be read".to_owned(), |it| it.names());
        let _ = write!(told, ", claims {claims}");
    }
    told
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
            let (mut head, ()) = http::Response::new(()).into_parts();
            (head.status, head.headers) = (http::StatusCode::UNAUTHORIZED, headers);
            let told = words(&head, body.as_bytes());
            assert_eq!(told, format!("the upstream answered 401{expected}"));
        }
    }
}
