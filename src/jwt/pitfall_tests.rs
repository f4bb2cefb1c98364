//! Ten ways to hold `jsonwebtoken` wrong, and what comes of each here.

use super::*;

#[test]
fn pitfall_1_critical_headers_are_enforced() {
    let header = r#"{"typ":"JWT","alg":"RS256","kid":"published","crit":["exp"]}"#;
    let token = Mint::published().sign(header, &payload().to_string());
    assert_eq!(verify(&token), Err(TokenError::Critical));
}

#[test]
fn pitfall_2_a_wrong_type_is_not_absence() {
    let wrong: &[(&'static str, &[Value])] = &[
        (
            "exp",
            &[
                json!(null),
                json!("1790003900"),
                json!(-1),
                json!(1_790_003_900.5),
                json!(1.79e9),
                json!(1e300),
                json!(true),
                json!([1_790_003_900]),
                json!({}),
            ],
        ),
        (
            "nbf",
            &[
                json!(null),
                json!("1790000000"),
                json!(-1),
                json!(0.5),
                json!(true),
                json!([0]),
                json!({ "a": 1 }),
            ],
        ),
        (
            "aud",
            &[
                json!(null),
                json!(1),
                json!([]),
                json!([1]),
                json!(["a", null]),
                json!({}),
            ],
        ),
        (
            "sub",
            &[json!(null), json!(1), json!(["s"]), json!({ "s": 1 })],
        ),
    ];
    for (name, values) in wrong {
        for value in *values {
            let outcome = verify_payload(&with(name, value.clone()));
            assert_eq!(
                outcome,
                Err(TokenError::MalformedClaim(name)),
                "{name}: {value}"
            );
        }
    }
    for name in ["exp", "nbf", "aud", "iss"] {
        let outcome = verify_payload(&without(name));
        assert_eq!(outcome, Err(TokenError::MissingClaim(name)), "{name}");
    }
    // Past 64 bits a number is no integer any more.
    let token = payload()
        .to_string()
        .replace("1790003900", "99999999999999999999999");
    let outcome = verify(&Mint::published().sign(&Mint::published().header(), &token));
    assert_eq!(outcome, Err(TokenError::MalformedClaim("exp")));
}

#[test]
fn pitfall_3_an_issuer_is_one_string_compared_ordinally() {
    for iss in [
        json!([V2]),
        json!([V2, "https://evil.example/"]),
        json!(null),
        json!({}),
    ] {
        let outcome = verify_payload(&with("iss", iss.clone()));
        assert_eq!(outcome, Err(TokenError::MalformedClaim("iss")), "{iss}");
    }
    let other_tenant = V2.replace("11111111", "22222222");
    for iss in [
        "",
        "https://evil.example/",
        &other_tenant,
        &V1[..V1.len() - 1],
        &format!("{V2}/"),
        &V2.to_uppercase(),
        &V2.replace("https", "http"),
        &format!(" {V2}"),
        &format!("{V2}\0"),
        "https://login.microsoftonline.com/{tenantid}/v2.0",
        "https://login.microsoftonline.com/common/v2.0",
    ] {
        assert_eq!(
            verify_payload(&with("iss", iss.into())),
            Err(TokenError::Issuer),
            "{iss}"
        );
    }
}

#[test]
fn pitfall_4_repeated_claims_are_refused() {
    let mint = Mint::published();
    for members in [
        r#""exp":1"#,
        r#""exp":1790003900"#,
        r#""nbf":1790000000"#,
        r#""aud":"a""#,
        r#""sub":"s""#,
        r#""tid":"11111111-aaaa-4bbb-8ccc-222222222222""#,
        r#""roles":["Admin"]"#,
        r#""r\u006fles":["Admin"]"#,
        r#""groups":{},"groups":{}"#,
    ] {
        let token = mint.sign(&mint.header(), &prefixed(members));
        assert!(is_malformed(verify(&token)), "{members}");
    }
}

#[test]
fn pitfall_5_no_leeway_wraps_around() {
    let mint = Mint::published();
    let keys = mint.key_set(None);
    let token = mint.token(&payload());
    let parsed = UnverifiedToken::parse(&token).unwrap();
    let key = keys.find(mint.kid).unwrap();
    let far = Duration::from_secs(u64::MAX);
    let at = |seconds| verifier(far).verify(parsed.clone(), key, UnixTime::from_seconds(seconds));
    let (nbf, exp) = (1_790_000_000, 1_790_003_900);
    let (nbf, exp) = (UnixTime::from_seconds(nbf), UnixTime::from_seconds(exp));
    let early = Err(TokenError::NotYetValid { nbf });
    let late = Err(TokenError::Expired { exp });
    assert_eq!(at(0), early);
    assert_eq!(at(u64::MAX), late);
    assert_eq!(
        at(1_790_003_900 + 299).map(|_| ()),
        Ok(()),
        "300 s is the most"
    );
    assert_eq!(at(1_790_003_900 + 300), late, "300 s is the most");
    let endless = mint.token(&with("exp", u64::MAX.into()));
    let parsed = UnverifiedToken::parse(&endless).unwrap();
    assert!(verifier(far).verify(parsed, key, NOW).is_ok());
}

#[test]
fn pitfall_6_a_large_token_is_not_even_decoded() {
    let token = Mint::published().token(&with("aio", "x".repeat(16 * 1024).into()));
    assert_eq!(verify(&token), Err(TokenError::TooLarge));
}

#[test]
fn pitfall_7_a_key_published_for_something_else_verifies_nothing() {
    let token = Mint::published().token(&payload());
    let genuine = Mint::published().jwk();
    for (name, value) in [
        ("use", "enc".into()),
        ("alg", "RS512".into()),
        ("key_ops", json!(["encrypt"])),
        ("e", encode(&[3]).into()),
    ] {
        let mut jwk = genuine.clone();
        jwk[name] = value;
        let other = Mint::foreign().jwk();
        let keys = KeySet::parse(json!({ "keys": [jwk, other] }).to_string().as_bytes()).unwrap();
        assert_eq!(
            verify_by(&token, &keys, NOW),
            Err(TokenError::UnknownKey),
            "{name}"
        );
    }
}

#[test]
fn pitfall_8_a_keys_own_issuer_is_honoured() {
    let mint = Mint::published();
    let v2 = mint.token(&payload());
    let v1 = mint.token(&with("iss", V1.into()));
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    for issuer in [template, V2, "https://sts.windows.net/{tenantid}/"] {
        for token in [&v1, &v2] {
            assert!(
                verify_by(token, &mint.key_set(Some(issuer)), NOW).is_ok(),
                "{issuer}"
            );
        }
    }
    let consumers = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    for issuer in [
        consumers,
        "https://login.microsoftonline.us/{tenantid}/v2.0",
        "https://login.microsoftonline.com/{TENANTID}/v2.0",
        "{tenantid}",
        "https://evil.example/",
    ] {
        for token in [&v1, &v2] {
            let outcome = verify_by(token, &mint.key_set(Some(issuer)), NOW);
            assert_eq!(outcome, Err(TokenError::UnknownKey), "{issuer}");
        }
    }
    // Without a tenant, or with another one, the template is nobody's.
    for payload in [
        without("tid"),
        with("tid", "22222222-aaaa-4bbb-8ccc-222222222222".into()),
    ] {
        let outcome = verify_by(&mint.token(&payload), &mint.key_set(Some(template)), NOW);
        assert_eq!(outcome, Err(TokenError::UnknownKey));
    }
    let upper = mint.token(&with("tid", TENANT.to_uppercase().into()));
    assert!(verify_by(&upper, &mint.key_set(Some(template)), NOW).is_ok());
}

#[test]
fn pitfall_9_no_other_backend_is_among_the_dependencies() {
    let lock = include_str!("../../Cargo.lock");
    for name in [
        "rsa",
        "hmac",
        "p256",
        "ed25519-dalek",
        "aws-lc-rs",
        "aws-lc-sys",
    ] {
        assert!(!lock.contains(&format!("\nname = \"{name}\"\n")), "{name}");
    }
}

#[test]
fn pitfall_10_algorithms_are_not_confused() {
    let mint = Mint::published();
    let text = payload().to_string();
    let pem = mint.key.public_key_to_pem().unwrap();
    let der = mint.key.public_key_to_der().unwrap();
    let modulus = mint.key.rsa().unwrap().n().to_vec();
    for secret in [&pem[..], &der, &modulus, b"\0"] {
        for alg in ["HS256", "RS256"] {
            let header = json!({ "typ": "JWT", "alg": alg, "kid": mint.kid }).to_string();
            let message = format!("{}.{}", encode(header.as_bytes()), encode(text.as_bytes()));
            let key = PKey::hmac(secret).unwrap();
            let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
            let mac = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
            let expected = match alg {
                "HS256" => TokenError::Algorithm,
                _ => TokenError::Signature,
            };
            assert_eq!(
                verify(&format!("{message}.{}", encode(&mac))),
                Err(expected)
            );
        }
    }
    for alg in ["none", "None", "nOnE"] {
        let header = json!({ "typ": "JWT", "alg": alg, "kid": mint.kid }).to_string();
        let message = format!("{}.{}", encode(header.as_bytes()), encode(text.as_bytes()));
        assert!(
            is_malformed(verify(&format!("{message}."))),
            "an empty signature"
        );
        let signed = mint.sign(&header, &text);
        assert_eq!(
            verify(&signed),
            Err(TokenError::Algorithm),
            "a genuine signature"
        );
    }
}
