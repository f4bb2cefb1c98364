//! What must a token claim that an API does not take as it is? A claims challenge (RFC 6750 §3 with
//! Entra's `claims`, "Claims challenges, claims requests and client capabilities"), read from whatever an
//! API sends, and the claims request that answers it.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};

use super::challenge::challenges;

/// Bytes of `claims` that are read; Entra's have some hundred.
const MOST: usize = 8 * 1024;

/// How many names of claims are told.
const MOST_NAMES: usize = 8;

const ACCESS_TOKEN: &str = "access_token";

/// Padded or not: Entra's own documentation shows both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The claims that an API asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimsChallenge(Map<String, Value>);

impl ClaimsChallenge {
    /// Reads the first of these fields, of `WWW-Authenticate`, that holds one.
    pub fn of<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Self> {
        fields.flat_map(challenges).find_map(|it| {
            let is_meant = it.is("bearer")
                && matches!(
                    it.param("error"),
                    Some("insufficient_claims" | "invalid_token")
                );
            is_meant.then(|| Self::decode(it.param("claims")?))?
        })
    }

    /// Reads `claims` as it stands in a challenge: JSON in base64, of either alphabet.
    fn decode(encoded: &str) -> Option<Self> {
        if encoded.len() > MOST {
            return None;
        }
        let standard = encoded.replace('-', "+").replace('_', "/");
        Self::parse(&BASE64.decode(standard).ok()?)
    }

    /// Reads what somebody types: the JSON itself, or as a challenge has it.
    pub fn of_text(text: &str) -> Option<Self> {
        match text.trim() {
            json if json.starts_with('{') && json.len() <= MOST => Self::parse(json.as_bytes()),
            encoded => Self::decode(encoded),
        }
    }

    fn parse(json: &[u8]) -> Option<Self> {
        let mut claims: Map<String, Value> = serde_json::from_slice(json).ok()?;
        // Nothing else is asked for by us.
        match claims.remove(ACCESS_TOKEN)? {
            Value::Object(claims) if !claims.is_empty() => Some(Self(claims)),
            _ => None,
        }
    }

    /// The parameter `claims` of a token request that answers it.
    pub fn request(&self) -> Arc<str> {
        json!({ ACCESS_TOKEN: self.0 }).to_string().into()
    }

    /// What it asks for, by name.
    pub fn names(&self) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        let names = self.0.keys().map(String::as_str);
        let names = names.filter(|name| name.len() <= 64 && name.bytes().all(plain));
        names.take(MOST_NAMES).collect::<Vec<_>>().join(" ")
    }
}

/// What a client says that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Answer claims challenges: tokens that it is given may be revoked, and last the longer for it.
    Cp1,
}

impl Capability {
    pub const ALL: &'static [(&'static str, Self)] = &[("cp1", Self::Cp1)];

    const fn word(self) -> &'static str {
        match self {
            Self::Cp1 => "cp1",
        }
    }
}

/// The parameter `claims` of a token request by a client that has `capabilities`, where it asks for
/// `claims` as well.
pub fn claims_request<'c>(
    capabilities: &[Capability],
    claims: Option<&'c str>,
) -> Option<Cow<'c, str>> {
    if capabilities.is_empty() {
        return claims.map(Cow::Borrowed);
    }
    let words: Vec<_> = capabilities.iter().map(|it| it.word()).collect();
    let asked = claims.and_then(|claims| serde_json::from_str(claims).ok());
    let mut asked: Map<String, Value> = asked.unwrap_or_default();
    let access_token = asked.entry(ACCESS_TOKEN).or_insert_with(|| json!({}));
    if let Value::Object(claims) = access_token {
        claims.insert("xms_cc".to_owned(), json!({ "values": words }));
    }
    Some(Cow::Owned(Value::Object(asked).to_string()))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    const NBF: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"}}}"#;

    fn read(field: &str) -> Option<String> {
        let challenge = ClaimsChallenge::of([field].into_iter())?;
        Some(challenge.request().to_string())
    }

    fn bearer(claims: &str) -> String {
        format!("Bearer realm=\"\", error=\"insufficient_claims\", claims=\"{claims}\"")
    }

    #[test]
    fn every_base64_there_is_is_read() {
        // Ends and alphabets differ: `?` and `>` make `/` and `+`, or `_` and `-`.
        for value in ["1", "12", "123", "???", ">>>"] {
            let json = format!(r#"{{"access_token":{{"a":{{"value":"{value}"}}}}}}"#);
            for encoded in [
                STANDARD.encode(&json),
                STANDARD_NO_PAD.encode(&json),
                URL_SAFE.encode(&json),
                URL_SAFE_NO_PAD.encode(&json),
            ] {
                assert_eq!(read(&bearer(&encoded)), Some(json.clone()), "{encoded}");
            }
        }
    }

    #[test]
    fn a_challenge_is_found_among_others_and_nothing_else_is_taken_for_one() {
        let claims = STANDARD.encode(NBF);
        let taken = [
            format!("Basic realm=\"a, b\", {}", bearer(&claims)),
            format!(
                "bearer claims={}, error=insufficient_claims",
                URL_SAFE_NO_PAD.encode(NBF)
            ),
            format!("Negotiate YII=, BEARER error=\"invalid_token\", claims=\"{claims}\""),
        ];
        for field in taken {
            assert_eq!(read(&field).as_deref(), Some(NBF), "{field}");
        }
        let with_more = json!({ "access_token": { "a": null }, "id_token": { "b": null } });
        let with_more = STANDARD.encode(with_more.to_string());
        let a = r#"{"access_token":{"a":null}}"#;
        assert_eq!(
            read(&bearer(&with_more)).as_deref(),
            Some(a),
            "no ID tokens"
        );
        let deep = format!(
            "{{\"access_token\":{}1{}}}",
            "{\"a\":".repeat(200),
            "}".repeat(200)
        );
        for field in [
            format!("Basic error=\"insufficient_claims\", claims=\"{claims}\""),
            format!("Bearer claims=\"{claims}\""),
            format!("Bearer error=\"insufficient_scope\", claims=\"{claims}\""),
            "Bearer error=\"insufficient_claims\"".to_owned(),
            bearer(""),
            bearer("not base64!"),
            bearer(NBF.replace('"', "\\\"").as_str()),
            bearer(&STANDARD.encode("[]")),
            bearer(&STANDARD.encode("{}")),
            bearer(&STANDARD.encode(r#"{"access_token":{}}"#)),
            bearer(&STANDARD.encode(r#"{"access_token":"x"}"#)),
            bearer(&STANDARD.encode(deep)),
            bearer(&STANDARD.encode(format!("{NBF}{}", " ".repeat(MOST)))),
        ] {
            assert_eq!(read(&field), None, "{field:.80}");
        }
    }

    #[test]
    fn what_it_asks_for_is_told_by_name() {
        let claims = json!({ "access_token": { "nbf": 1, "a\nb": 2, "xms_rp_ipaddr": 3 } });
        let challenge = ClaimsChallenge::decode(&STANDARD.encode(claims.to_string())).unwrap();
        assert_eq!(challenge.names(), "nbf xms_rp_ipaddr");
    }

    #[test]
    fn capabilities_stand_beside_what_is_asked_for() {
        let cp1 = [Capability::Cp1];
        assert_eq!(claims_request(&[], None), None);
        assert_eq!(claims_request(&[], Some(NBF)).as_deref(), Some(NBF));
        let alone = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
        assert_eq!(claims_request(&cp1, None).as_deref(), Some(alone));
        let both = r#"{"access_token":{"nbf":{"essential":true,"value":"1790000123"},"xms_cc":{"values":["cp1"]}}}"#;
        assert_eq!(claims_request(&cp1, Some(NBF)).as_deref(), Some(both));
    }
}
