use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sign::Signer;
use serde_json::{Value, json};

use super::super::{ClaimNames, KeySet, Placeholder};
use super::*;
use crate::fake::mint::{Mint, encode};

const NOW: UnixTime = UnixTime::from_seconds(1_790_001_000);
const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const V1: &str = "https://sts.windows.net/11111111-aaaa-4bbb-8ccc-222222222222/";
const V2: &str = "https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-222222222222/v2.0";

impl Mint {
    /// A set of this one key, with an `issuer` where one is given.
    fn key_set(&self, issuer: Option<&str>) -> KeySet {
        let mut jwk = self.jwk();
        if let Some(issuer) = issuer {
            jwk["issuer"] = issuer.into();
        }
        KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap()
    }
}

fn payload() -> Value {
    json!({
        "aud": "aaaa0000-1111-4222-8333-444444444444",
        "iss": V2,
        "iat": 1_790_000_000, "nbf": 1_790_000_000, "exp": 1_790_003_900,
        "aio": "k2", "azp": "cccc0000-5555-4666-8777-888888888888", "azpacr": "2", "idtyp": "app",
        "oid": "0b0b0b0b-1111-4222-8333-999999999999", "rh": "1.A", "roles": ["Mail.Relay"],
        "sub": "0b0b0b0b-1111-4222-8333-999999999999", "tid": TENANT, "uti": "Xy12", "ver": "2.0",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut payload = payload();
    payload[name] = value;
    payload
}

fn without(name: &str) -> Value {
    let mut payload = payload();
    payload.as_object_mut().unwrap().remove(name);
    payload
}

/// The payload's JSON with raw text put before its other members.
fn prefixed(members: &str) -> String {
    payload()
        .to_string()
        .replacen('{', &format!("{{{members},"), 1)
}

fn verifier(leeway: Duration) -> Verifier {
    let reads = ["tid", "roles", "groups"];
    Verifier::new(Profile {
        algorithms: &[Algorithm::Rs256],
        types: &["JWT"],
        issuers: vec![V1.into(), V2.into()],
        required: &["nbf"],
        reads: reads.map(Into::into).into_iter().collect(),
        leeway,
        key_issuers: vec![V1.into(), V2.into()],
        key_issuer: Some(Placeholder {
            text: "{tenantid}",
            claim: "tid",
        }),
    })
}

/// However the payload was read before the signature, the outcome is one.
fn verify_by(token: &str, keys: &KeySet, now: UnixTime) -> Result<Claims, TokenError> {
    let verifier = verifier(Duration::from_secs(60));
    let others: ClaimNames = ["ver", "aio"].map(Into::into).into_iter().collect();
    let verify = |token: Result<UnverifiedToken<'_>, TokenError>| {
        let token = token?;
        let key = keys.find(&token.key_id).ok_or(TokenError::UnknownKey)?;
        verifier.verify(token, key, now)
    };
    let outcome = verify(UnverifiedToken::parse(token));
    for names in [&verifier.profile().reads, &others] {
        let read = UnverifiedToken::parse_for(token.as_bytes(), names);
        assert_eq!(verify(read), outcome);
    }
    outcome
}

fn verify(token: &str) -> Result<Claims, TokenError> {
    verify_by(token, &Mint::published().key_set(None), NOW)
}

fn verify_payload(payload: &Value) -> Result<Claims, TokenError> {
    verify(&Mint::published().token(payload))
}

fn is_malformed(outcome: Result<Claims, TokenError>) -> bool {
    matches!(outcome, Err(TokenError::Malformed(_)))
}

#[test]
fn a_genuine_token_yields_the_claims_that_are_read() {
    let claims = verify_payload(&payload()).unwrap();
    assert_eq!(*claims.issuer, *V2);
    assert_eq!(claims.audiences, ["aaaa0000-1111-4222-8333-444444444444"]);
    assert_eq!(claims.expires_at, UnixTime::from_seconds(1_790_003_900));
    assert_eq!(
        claims.not_before,
        Some(UnixTime::from_seconds(1_790_000_000))
    );
    assert_eq!(
        claims.subject.as_deref(),
        Some("0b0b0b0b-1111-4222-8333-999999999999")
    );
    assert_eq!(claims.other("roles"), Some(&json!(["Mail.Relay"])));
    assert_eq!(claims.other("tid"), Some(&TENANT.into()));
    assert_eq!(claims.others.len(), 2, "what nobody reads is not kept");
    let several = verify_payload(&with("aud", json!(["api://a", "api://b"]))).unwrap();
    assert_eq!(several.audiences, ["api://a", "api://b"]);
}

#[test]
fn what_must_be_there_is_the_profiles_to_say() {
    let keys = Mint::published().key_set(None);
    let verify = |required: &'static [&'static str], payload: &Value| {
        let mut profile = verifier(Duration::ZERO).profile().clone();
        profile.required = required;
        let token = Mint::published().token(payload);
        let token = UnverifiedToken::parse(&token)?;
        Verifier::new(profile).verify(token, keys.find("published").unwrap(), NOW)
    };
    let endless = verify(&[], &without("nbf")).unwrap();
    assert_eq!(endless.not_before, None);
    for name in ["nbf", "sub", "tid", "groups"] {
        let required: &'static [&'static str] = vec![name].leak();
        let outcome = verify(required, &without(name));
        assert_eq!(outcome, Err(TokenError::MissingClaim(name)));
    }
    assert!(verify(&["nbf", "sub", "tid"], &payload()).is_ok());
}

#[test]
fn only_the_profiles_types_pass() {
    let sign = |typ: &str| {
        let header = format!(r#"{{"typ":{typ},"alg":"RS256","kid":"published"}}"#);
        Mint::published().sign(&header, &payload().to_string())
    };
    for typ in [r#""JWT""#, r#""jwt""#] {
        assert!(verify(&sign(typ)).is_ok(), "{typ}");
    }
    for typ in [
        r#""at+jwt""#,
        r#""application/at+jwt""#,
        r#""pop""#,
        r#""dpop+jwt""#,
        r#""JWE""#,
        r#""logout+jwt""#,
        r#""""#,
        r#"" JWT""#,
        "null",
        "1",
        r#"["JWT"]"#,
    ] {
        assert_eq!(verify(&sign(typ)), Err(TokenError::Type), "{typ}");
    }
}

#[test]
fn forged_signatures_are_refused() {
    let (mint, text) = (Mint::published(), payload().to_string());
    let genuine = mint.token(&payload());
    let (message, signature) = genuine.rsplit_once('.').unwrap();
    let other = mint.token(&with("roles", json!(["Admin"])));
    let (other_message, other_signature) = other.rsplit_once('.').unwrap();
    let forged = [
        Mint::foreign().sign(&mint.header(), &text),
        mint.sign_with(
            &mint.header(),
            &text,
            MessageDigest::sha384(),
            Padding::PKCS1,
        ),
        mint.sign_with(&mint.header(), &text, MessageDigest::sha1(), Padding::PKCS1),
        mint.sign_with(
            &mint.header(),
            &text,
            MessageDigest::sha256(),
            Padding::PKCS1_PSS,
        ),
        format!("{message}.{other_signature}"),
        format!("{other_message}.{signature}"),
        format!("{message}.{}", encode(&[0; 256])),
        format!("{message}.{}", encode(&[0xff; 256])),
        format!("{message}.{}", encode(&[1])),
        format!("{message}.{}AA", &signature[..signature.len() - 2]),
        format!("{message}.{}", encode(&[0; 4096])),
    ];
    for token in forged {
        assert_eq!(verify(&token), Err(TokenError::Signature), "{token}");
    }
}

#[test]
fn the_signature_comes_before_everything_the_payload_says() {
    let mut payload = payload();
    payload["exp"] = "never".into();
    payload["iss"] = "https://evil.example/".into();
    let repeated = prefixed(r#""roles":1,"roles":2"#);
    for text in [payload.to_string(), repeated] {
        let token = Mint::foreign().sign(&Mint::published().header(), &text);
        assert_eq!(verify(&token), Err(TokenError::Signature), "{text}");
    }
}

#[test]
fn a_key_verifies_only_tokens_that_name_it() {
    let token = Mint::foreign().token(&payload());
    assert_eq!(verify(&token), Err(TokenError::UnknownKey));
    let keys = Mint::published().key_set(None);
    let parsed = UnverifiedToken::parse(&token).unwrap();
    let key = keys.find("published").unwrap();
    assert_eq!(
        verifier(Duration::ZERO).verify(parsed, key, NOW),
        Err(TokenError::UnknownKey)
    );
}

#[test]
fn times_are_judged_at_the_second_of_the_given_time() {
    let mint = Mint::published();
    let (keys, token) = (mint.key_set(None), mint.token(&payload()));
    let (nbf, exp) = (1_790_000_000, 1_790_003_900);
    let early = Err(TokenError::NotYetValid {
        nbf: UnixTime::from_seconds(nbf),
    });
    let late = Err(TokenError::Expired {
        exp: UnixTime::from_seconds(exp),
    });
    for (now, expected) in [
        (nbf - 61, early),
        (nbf - 60, Ok(())),
        (exp, Ok(())),
        (exp + 59, Ok(())),
        (exp + 60, late),
        (0, early),
    ] {
        let outcome = verify_by(&token, &keys, UnixTime::from_seconds(now)).map(|_| ());
        assert_eq!(outcome, expected, "{now}");
    }
}

#[test]
fn more_strings_than_a_token_can_need_are_refused() {
    let many = |count: usize| -> Value { vec!["r"; count].into() };
    assert!(verify_payload(&with("aud", many(1024))).is_ok());
    let outcome = verify_payload(&with("aud", many(1025)));
    assert_eq!(outcome, Err(TokenError::MalformedClaim("aud")));
}

#[test]
fn a_key_the_header_brings_along_is_not_used() {
    let foreign = Mint::foreign();
    let mut header: Value = serde_json::from_str(&Mint::published().header()).unwrap();
    header["jwk"] = foreign.jwk();
    header["jku"] = "https://evil.example/keys".into();
    let token = foreign.sign(&header.to_string(), &payload().to_string());
    assert_eq!(verify(&token), Err(TokenError::Signature));
    let token = Mint::published().sign(&header.to_string(), &payload().to_string());
    assert!(verify(&token).is_ok());
}

#[test]
fn a_payload_that_is_no_object_is_malformed() {
    let mint = Mint::published();
    for text in [
        "[]",
        "null",
        "\"iss\"",
        "{",
        "{}{}",
        "{\"iss\":\"a\",}",
        "{iss:1}",
    ] {
        assert!(
            is_malformed(verify(&mint.sign(&mint.header(), text))),
            "{text}"
        );
    }
}

#[path = "pitfall_tests.rs"]
mod pitfalls;
