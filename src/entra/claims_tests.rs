use serde_json::{Value, json};

use super::*;

/// Everything that is read, of its right type.
fn sound() -> Value {
    json!({
        "ver": "1.0", "tid": "t", "oid": "o", "azp": "z", "appid": "a", "azpacr": "0",
        "appidacr": "1", "idtyp": "user",
        "roles": ["Read", "Write"], "scp": " Mail.Read  Files.Read ", "uti": "u", "name": "Ada",
        "preferred_username": "ada@contoso.example",
    })
}

fn taken(claims: Value) -> Result<EntraClaims, TokenError> {
    EntraClaims::taken_from(&mut Claims::unverified(claims))
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = sound();
    claims[name] = value;
    claims
}

#[test]
fn every_claim_has_its_place_and_leaves_the_rest() {
    let mut claims = Claims::unverified(with("groups", json!(["g"])));
    let own = EntraClaims::taken_from(&mut claims).unwrap();
    assert_eq!(own.version, Some(Version::V1));
    for (claim, expected) in [
        (own.tid, "t"),
        (own.oid, "o"),
        (own.azp, "z"),
        (own.appid, "a"),
        (own.client_class, "1"),
        (own.identity_type, "user"),
        (own.token_id, "u"),
        (own.name, "Ada"),
        (own.preferred_username, "ada@contoso.example"),
    ] {
        assert_eq!(claim.as_deref(), Some(expected));
    }
    assert_eq!(own.roles, ["Read", "Write"]);
    assert_eq!(own.scopes, ["Mail.Read", "Files.Read"]);
    assert!(!own.is_bound && !own.is_id_token);
    assert!(
        claims.other("groups").is_some(),
        "conditions may ask for it"
    );
    assert!(read().all(|name| claims.other(name).is_none()), "held once");
}

#[test]
fn absence_is_none() {
    let own = taken(json!({})).unwrap();
    assert!(own.version.is_none() && own.tid.is_none() && own.identity_type.is_none());
    assert!(own.roles.is_empty() && own.scopes.is_empty());
}

#[test]
#[rustfmt::skip]
fn a_wrong_type_is_not_absence() {
    let wrong: &[(&'static str, &[Value])] = &[
        ("roles", &[json!(null), json!("Mail.Relay"), json!([1]), json!([["a"]]), json!({}), json!(vec!["r"; 1025])]),
        ("scp", &[json!(null), json!(["Mail.Read"]), json!(1), json!(""), json!("  ")]),
        ("ver", &[json!(null), json!(2.0), json!(2)]),
        ("tid", &[json!(null), json!(1), json!(["t"])]),
        ("oid", &[json!(null), json!(1), json!(["o"])]),
        ("azp", &[json!(null), json!(1), json!(["a"])]),
        ("appid", &[json!(null), json!(1), json!(["a"])]),
        ("azpacr", &[json!(null), json!(1)]),
        ("appidacr", &[json!(null), json!(1)]),
        ("idtyp", &[json!(null), json!(1), json!(["app"])]),
        ("uti", &[json!(null), json!(1)]),
        ("name", &[json!(null), json!(1)]),
        ("preferred_username", &[json!(null), json!(1)]),
    ];
    for (name, values) in wrong {
        for value in *values {
            let outcome = taken(with(name, value.clone())).map(|_| ());
            assert_eq!(outcome, Err(TokenError::MalformedClaim(name)), "{name}: {value}");
        }
    }
    assert!(taken(with("roles", json!(vec!["r"; 1024]))).is_ok());
}

#[test]
fn a_tenant_in_two_spellings_is_refused() {
    for name in RESPELLED {
        for value in [json!("t"), json!(null)] {
            let outcome = taken(with(name, value)).map(|_| ());
            assert_eq!(outcome, Err(TokenError::MalformedClaim("tid")), "{name}");
        }
    }
}

#[test]
fn marks_of_other_tokens_are_seen_whatever_their_value() {
    for value in [json!(null), json!(""), json!({}), json!({ "jkt": "x" })] {
        assert!(
            taken(with("cnf", value.clone())).unwrap().is_bound,
            "{value}"
        );
        for name in ["nonce", "at_hash", "c_hash"] {
            let own = taken(with(name, value.clone())).unwrap();
            assert!(own.is_id_token, "{name}: {value}");
        }
    }
}

#[test]
fn an_unknown_version_is_none() {
    for version in ["3.0", "2", "2.0 ", "", "V2"] {
        let own = taken(with("ver", version.into())).unwrap();
        assert_eq!(own.version, None, "{version}");
    }
    assert_eq!(
        taken(with("ver", "2.0".into())).unwrap().version,
        Some(Version::V2)
    );
}
