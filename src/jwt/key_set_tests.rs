use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fake::mint::encode;

/// A member with a modulus of this many bits that OpenSSL is never shown.
fn member(kid: &str, bits: usize) -> Value {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] >>= (8 - bits % 8) % 8;
    json!({ "kty": "RSA", "use": "sig", "kid": kid, "n": encode(&modulus), "e": "AQAB" })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut member = member("k", 2048);
    change(&mut member);
    member
}

fn parse(keys: Value) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

#[test]
fn entras_keys_are_read_with_their_issuer() {
    let set = KeySet::parse(
        format!(
            r#"{{"keys":[
              {{"kty":"RSA","use":"sig","kid":"q1w2","x5t":"q1w2","n":"{n}","e":"AQAB","x5c":["MIIC"],
                "cloud_instance_name":"microsoftonline.com",
                "issuer":"https://login.microsoftonline.com/{{tenantid}}/v2.0"}},
              {{"kty":"RSA","use":"sig","kid":"e3r4","n":"{n}","e":"AQAB"}}]}}"#,
            n = encode(&[0xff; 256]),
        )
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(set.count(), 2);
    let issuer = set.find("q1w2").unwrap().issuer.as_deref();
    assert_eq!(
        issuer,
        Some("https://login.microsoftonline.com/{tenantid}/v2.0")
    );
    assert_eq!(set.find("e3r4").unwrap().issuer, None);
    assert!(set.find("E3R4").is_none());
}

#[test]
fn members_that_may_verify_rs256_are_kept() {
    let members = [
        with(|_| ()),
        with(|key| drop(key.as_object_mut().unwrap().remove("use"))),
        with(|key| key["alg"] = "RS256".into()),
        with(|key| key["alg"] = Value::Null),
        with(|key| key["key_ops"] = json!(["verify"])),
        with(|key| key["key_ops"] = json!(["sign", "verify"])),
        with(|key| key["e"] = encode(&[0, 1, 0, 1]).into()),
        with(|key| key["n"] = encode(&[&[0][..], &[0xff; 256]].concat()).into()),
        member("k", 3072),
        member("k", 4095),
        member("k", 4096),
    ];
    for member in members {
        assert_eq!(parse(json!([member])).unwrap().count(), 1, "{member}");
    }
    let unnamed = with(|key| key["issuer"] = "".into());
    assert_eq!(
        parse(json!([unnamed])).unwrap().find("k").unwrap().issuer,
        None
    );
}

#[test]
fn members_that_may_not_are_left_out() {
    let unusable = [
        json!(null),
        json!(1),
        json!([]),
        json!([
            "RSA",
            "k",
            encode(&[0xff; 256]),
            "AQAB",
            null,
            null,
            null,
            null,
            null
        ]),
        json!({}),
        with(|key| key["kty"] = "EC".into()),
        with(|key| key["kty"] = "oct".into()),
        with(|key| key["kty"] = "rsa".into()),
        with(|key| key["use"] = "enc".into()),
        with(|key| key["use"] = 1.into()),
        with(|key| key["alg"] = "RS384".into()),
        with(|key| key["alg"] = "PS256".into()),
        with(|key| key["alg"] = "HS256".into()),
        with(|key| key["key_ops"] = json!(["encrypt"])),
        with(|key| key["key_ops"] = json!([])),
        with(|key| key["key_ops"] = "verify".into()),
        with(|key| key["kid"] = "".into()),
        with(|key| key["kid"] = 1.into()),
        with(|key| key["kid"] = "k".repeat(257).into()),
        with(|key| drop(key.as_object_mut().unwrap().remove("kid"))),
        with(|key| key["issuer"] = 1.into()),
        with(|key| key["e"] = encode(&[3]).into()),
        with(|key| key["e"] = encode(&[1]).into()),
        with(|key| key["e"] = encode(&[1, 0, 3]).into()),
        with(|key| key["e"] = "".into()),
        with(|key| key["e"] = "AQAB=".into()),
        with(|key| key["n"] = "".into()),
        with(|key| key["n"] = encode(&[0; 256]).into()),
        with(|key| key["n"] = encode(&[0xfe; 256]).into()),
        with(|key| key["n"] = "+/+/".into()),
        with(|key| key["d"] = "AQAB".into()),
        member("k", 512),
        member("k", 1024),
        member("k", 2047),
        member("k", 4097),
        member("k", 16384),
    ];
    for bad in unusable {
        let alone = parse(json!([bad]));
        assert!(matches!(alone, Err(KeySetError::NoUsableKey(1))), "{bad}");
        let beside = parse(json!([bad, member("good", 2048)])).unwrap();
        assert_eq!(beside.count(), 1, "{bad}");
        assert!(beside.find("good").is_some(), "{bad}");
    }
}

#[test]
fn a_kid_that_two_keys_claim_names_neither() {
    let (mine, theirs) = (member("k", 2048), member("k", 3072));
    let other = member("other", 2048);
    for keys in [
        json!([mine, theirs, other]),
        json!([theirs, other, mine]),
        json!([mine, theirs, mine, other]),
        json!([
            mine,
            with(|key| key["issuer"] = "https://evil.example/".into()),
            other
        ]),
    ] {
        let set = parse(keys.clone()).unwrap();
        assert!(set.find("k").is_none(), "{keys}");
        assert!(set.find("other").is_some(), "{keys}");
    }
    assert!(matches!(
        parse(json!([mine, theirs])),
        Err(KeySetError::NoUsableKey(2))
    ));
    assert_eq!(parse(json!([mine, mine])).unwrap().count(), 1);
    // RFC 7517 §4.5: a kid may be shared with a key for another use; that one is not looked at.
    let encrypting = with(|key| key["use"] = "enc".into());
    assert_eq!(parse(json!([encrypting, mine])).unwrap().count(), 1);
}

#[test]
fn keys_are_equal_when_kid_issuer_and_modulus_are() {
    let key = |member: Value| Key::of(member).unwrap();
    assert_eq!(key(member("k", 2048)), key(member("k", 2048)));
    assert_ne!(key(member("k", 2048)), key(member("l", 2048)));
    assert_ne!(key(member("k", 2048)), key(member("k", 2056)));
    assert_ne!(
        key(member("k", 2048)),
        key(with(|key| key["issuer"] = "i".into()))
    );
}

#[test]
fn other_documents_are_no_key_set() {
    for document in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        r#"{"keys":"[]"}"#,
        r#"[[{"kty":"RSA"}]]"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[]}x"#,
        "<html>",
        "{\"keys\":[",
    ] {
        let outcome = KeySet::parse(document.as_bytes());
        assert!(
            matches!(outcome, Err(KeySetError::Malformed(_))),
            "{document}"
        );
    }
    assert!(matches!(parse(json!([])), Err(KeySetError::NoUsableKey(0))));
}

#[test]
fn a_thousand_members_are_read_and_no_more() {
    let many = |count: usize| -> Value {
        (0..count)
            .map(|number| member(&number.to_string(), 2048))
            .collect()
    };
    assert_eq!(parse(many(1000)).unwrap().count(), 1000);
    assert!(matches!(parse(many(1001)), Err(KeySetError::TooMany(1001))));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(document in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(KeySet::parse(&document).is_err());
    }

    #[test]
    fn any_numbers_are_read_without_panic(
        n in prop::collection::vec(any::<u8>(), 0..600),
        e in prop::collection::vec(any::<u8>(), 0..6),
    ) {
        let jwk = json!({ "kty": "RSA", "kid": "k", "n": encode(&n), "e": encode(&e) });
        if let Some(key) = Key::of(jwk) {
            prop_assert!(is_sound(key.modulus()));
        }
    }
}
