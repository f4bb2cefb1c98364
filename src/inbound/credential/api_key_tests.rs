use http::HeaderValue;

use super::*;
use crate::policy::{Entry, Where};
use crate::reason::Reason;

const PAYROLL: &str = "payroll-key-0123456789abcdef0123456789";
const LEDGER: &str = "ledger-key-0123456789abcdef0123456789ab";
const COLONS: &str = "key:with:colons-???>>>~~~0123456789abcdef";

fn key_of(id: &str, sha256: [u8; 32]) -> Entry {
    Entry {
        credential: Some(Credential::ApiKey(ApiKeyCondition {
            id: id.into(),
            sha256,
        })),
        network: None,
        parameters: Where::default(),
        limit: None,
    }
}

fn keys() -> ApiKeys {
    let known = [("payroll", PAYROLL), ("ledger", LEDGER), ("odd", COLONS)];
    let entries = known.map(|(id, key)| key_of(id, sha256(key.as_bytes())));
    ApiKeys::of(&Callers::Entries(entries.to_vec().into())).unwrap()
}

fn headers(fields: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append("X-API-Key", HeaderValue::from_bytes(field).unwrap());
    }
    headers
}

fn basic(text: &str) -> String {
    STANDARD.encode(text)
}

type Outcome = Result<Option<String>, Reason>;

fn identify(fields: &[&[u8]], basic: Option<&str>) -> Outcome {
    keys()
        .identify(&headers(fields), basic)
        .map(|proof| proof.map(|proof| proof.id().to_string()))
        .map_err(|why| why.reason())
}

fn is(id: &str) -> Outcome {
    Ok(Some(id.to_owned()))
}

const BAD: Outcome = Err(Reason::BadKey);
const REPEATED: Outcome = Err(Reason::RepeatedCredential);

#[test]
fn keys_in_the_header() {
    let long = vec![b'k'; LONGEST_KEY + 1];
    let upper = PAYROLL.to_uppercase();
    let spaced = format!("{PAYROLL} ");
    let both = format!("{PAYROLL}, {LEDGER}");
    let hash = sha256(PAYROLL.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let cases: &[(&[&[u8]], Outcome)] = &[
        (&[], Ok(None)),
        (&[b""], BAD),
        (&[b"payroll"], BAD),
        (&[hex.as_bytes()], BAD),
        (&[&PAYROLL.as_bytes()[1..]], BAD),
        (&[upper.as_bytes()], BAD),
        (&[spaced.as_bytes()], BAD),
        (&[both.as_bytes()], BAD),
        (&[b"\xff\xfe"], BAD),
        (&[&long], BAD),
        (&[PAYROLL.as_bytes(), PAYROLL.as_bytes()], REPEATED),
        (&[b"", PAYROLL.as_bytes()], REPEATED),
        (&[PAYROLL.as_bytes()], is("payroll")),
        (&[LEDGER.as_bytes()], is("ledger")),
        (&[COLONS.as_bytes()], is("odd")),
    ];
    for (fields, expected) in cases {
        assert_eq!(identify(fields, None), *expected, "{fields:?}");
    }
}

#[test]
fn keys_in_basic() {
    let good = basic(&format!("payroll:{PAYROLL}"));
    let unpadded = good.trim_end_matches('=').to_owned();
    assert_ne!(good, unpadded, "the case needs padding");
    let odd = basic(&format!("odd:{COLONS}"));
    let url_safe = odd.replace('+', "-").replace('/', "_");
    assert_ne!(odd, url_safe, "the case needs both alphabets to differ");
    let cases = [
        (String::new(), BAD),
        (basic(""), BAD),
        (basic(":"), BAD),
        (basic("payroll"), BAD),
        (basic("payroll:"), BAD),
        (basic(PAYROLL), BAD),
        (basic(&format!(":{PAYROLL}")), BAD),
        (basic(&format!("ledger:{PAYROLL}")), BAD),
        (basic(&format!("Payroll:{PAYROLL}")), BAD),
        (basic(&format!("payroll :{PAYROLL}")), BAD),
        (basic(&format!("payroll:{PAYROLL}\n")), BAD),
        (basic(&format!("payroll::{PAYROLL}")), BAD),
        (basic(&format!("{PAYROLL}:payroll")), BAD),
        (basic(&format!("nobody:{PAYROLL}")), BAD),
        (unpadded, BAD),
        (format!("{good}\n"), BAD),
        (format!(" {good}"), BAD),
        (format!("{good}="), BAD),
        (url_safe, BAD),
        ("%%%%".to_owned(), BAD),
        (
            basic(&format!("payroll:{}", "k".repeat(LONGEST_KEY + 1))),
            BAD,
        ),
        ("A".repeat(LONGEST_BASIC + 1), BAD),
        ("A".repeat(1024 * 1024), BAD),
        (basic(&format!("PAYROLL\\payroll:{PAYROLL}")), is("payroll")),
        (basic(&format!("\\payroll:{PAYROLL}")), is("payroll")),
        (basic(&format!("payroll\\:{PAYROLL}")), BAD),
        (basic(&format!("payroll\\nobody:{PAYROLL}")), BAD),
        (basic(&format!("A\\B\\payroll:{PAYROLL}")), BAD),
        (odd, is("odd")),
        (basic(&format!("ledger:{LEDGER}")), is("ledger")),
        (good, is("payroll")),
    ];
    for (credential, expected) in cases {
        let shown = &credential[..credential.len().min(80)];
        assert_eq!(identify(&[], Some(&credential)), expected, "{shown}");
    }
}

#[test]
fn two_keys_must_be_one() {
    let payroll = basic(&format!("payroll:{PAYROLL}"));
    let bad = basic("payroll:wrong");
    let cases = [
        (PAYROLL, payroll.as_str(), is("payroll")),
        (LEDGER, payroll.as_str(), REPEATED),
        (PAYROLL, bad.as_str(), BAD),
        ("wrong", payroll.as_str(), BAD),
    ];
    for (field, credential, expected) in cases {
        let outcome = identify(&[field.as_bytes()], Some(credential));
        assert_eq!(outcome, expected, "{field} {credential}");
    }
}

#[test]
fn keys_that_share_a_prefix_are_told_apart() {
    let mut other = sha256(PAYROLL.as_bytes());
    other[31] ^= 1;
    let entries = [("other", other), ("payroll", sha256(PAYROLL.as_bytes()))];
    let entries = entries.map(|(id, sha256)| key_of(id, sha256));
    let keys = ApiKeys::of(&Callers::Entries(entries.to_vec().into())).unwrap();
    assert_eq!(keys.by_prefix.len(), 1);
    let found = keys.identify(&headers(&[PAYROLL.as_bytes()]), None);
    assert_eq!(&**found.unwrap().unwrap().id(), "payroll");

    let keys = ApiKeys::of(&Callers::Entries(entries[..1].to_vec().into())).unwrap();
    let found = keys.identify(&headers(&[PAYROLL.as_bytes()]), None);
    assert!(matches!(found, Err(AuthError::BadKey { .. })));
}

#[test]
fn public_routes_know_no_keys() {
    assert!(ApiKeys::of(&Callers::Public).is_none());
    assert!(ApiKeys::of(&Callers::Entries(Vec::new().into())).is_none());
}

#[test]
fn keys_too_long_are_not_hashed() {
    for (length, good) in [(LONGEST_KEY, true), (LONGEST_KEY + 1, false)] {
        let key = "k".repeat(length);
        let entries = vec![key_of("long", sha256(key.as_bytes()))];
        let keys = ApiKeys::of(&Callers::Entries(entries.into())).unwrap();
        let found = keys.identify(&headers(&[key.as_bytes()]), None);
        assert_eq!(found.is_ok(), good, "{length}");
        let found = keys.identify(&headers(&[]), Some(&basic(&format!("long:{key}"))));
        assert_eq!(found.is_ok(), good, "{length}");
    }
}

#[test]
fn a_refused_key_is_told_by_its_user_and_never_itself() {
    let long = "k".repeat(SHORTEST_KEY);
    for (user, told) in [
        ("payrol", Some("payrol")),
        ("CONTOSO\\payrol", Some("payrol")),
        ("svc\n\"x\"", Some("svc\\n\\\"x\\\"")),
        ("", None),
        (PAYROLL, None),
        (&format!("CONTOSO\\{PAYROLL}"), None),
        (&long, None),
    ] {
        let credential = basic(&format!("{user}:wrong"));
        let error = keys().identify(&headers(&[]), Some(&credential));
        let text = error.unwrap_err().to_string();
        let expected = told.map_or_else(String::new, |user| {
            format!("; the user given is \"{user}\"")
        });
        assert_eq!(text, format!("the API key is not accepted{expected}"));
    }
    // One that is known by its hash may be short.
    let short = vec![key_of("short", sha256(b"short-key"))];
    let keys = ApiKeys::of(&Callers::Entries(short.into())).unwrap();
    let error = keys.identify(&headers(&[]), Some(&basic("short-key:")));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the API key is not accepted"
    );
}
