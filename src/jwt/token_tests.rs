use proptest::prelude::*;

use super::*;
use crate::fake::mint::encode;

const ISS: &str = r#"{"iss":"https://issuer.example/"}"#;

fn compact(header: &str, payload: &str) -> String {
    format!(
        "{}.{}.c2ln",
        encode(header.as_bytes()),
        encode(payload.as_bytes())
    )
}

fn with_header(header: &str) -> Result<(), TokenError> {
    UnverifiedToken::parse(&compact(header, ISS)).map(|_| ())
}

fn malformed(outcome: &Result<(), TokenError>) -> bool {
    matches!(outcome, Err(TokenError::Malformed(_)))
}

#[test]
fn a_token_as_entra_makes_it_is_taken_apart() {
    for header in [
        r#"{"typ":"JWT","alg":"RS256","kid":"k1"}"#,
        r#"{"typ":"JWT","alg":"RS256","x5t":"k1","kid":"k1"}"#,
        r#"{"alg":"RS256","kid":"k1"}"#,
        r#" {"typ":"jwt","alg":"RS256","kid":"k1"} "#,
    ] {
        let text = compact(header, ISS);
        let token = UnverifiedToken::parse(&text).unwrap();
        assert_eq!(token.text, text.as_bytes());
        assert_eq!(token.key_id, "k1");
        assert_eq!(token.issuer, "https://issuer.example/");
    }
}

#[test]
fn size_is_looked_at_before_anything_else() {
    let longest = "a".repeat(UnverifiedToken::LONGEST);
    assert!(malformed(&UnverifiedToken::parse(&longest).map(|_| ())));
    let longer = "a".repeat(UnverifiedToken::LONGEST + 1);
    assert_eq!(
        UnverifiedToken::parse(&longer).map(|_| ()),
        Err(TokenError::TooLarge)
    );
}

#[test]
fn other_shapes_are_malformed() {
    let sound = compact(r#"{"alg":"RS256","kid":"k1"}"#, ISS);
    let [header, payload, signature] = sound.split('.').collect::<Vec<_>>().try_into().unwrap();
    // `c2ln` ends on whole bytes; `c2k` leaves bits over, and `c2l` has one of them set.
    let attacks = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{sound}."),
        format!("{sound}.{signature}"),
        format!("{header}.{payload}.{signature}.{signature}.{signature}"),
        format!(" {sound}"),
        format!("{sound} "),
        format!("{sound}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.c2k="),
        format!("{header}.{payload}.c2l"),
        format!("{header}.{payload}.a+b/"),
        format!("{header}.{payload}.a"),
        format!("{header}.{payload}.a%2E"),
        format!("{header}.{payload}.\u{e9}"),
        format!("{{\"alg\":\"RS256\"}}.{payload}.{signature}"),
    ];
    for attack in attacks {
        assert!(
            malformed(&UnverifiedToken::parse(&attack).map(|_| ())),
            "{attack:?}"
        );
    }
    assert!(UnverifiedToken::parse(&format!("{header}.{payload}.c2k")).is_ok());
}

#[test]
fn a_header_that_is_no_sound_object_is_malformed() {
    for header in [
        "",
        "null",
        "\"RS256\"",
        r#"["RS256","JWT","k1"]"#,
        r#"{"alg":"RS256","kid":"k1""#,
        r#"{"alg":"RS256","kid":"k1"}x"#,
        r#"{"alg":"RS256","kid":"k1"}{}"#,
        r#"{"alg":"RS256","alg":"RS256","kid":"k1"}"#,
        r#"{"alg":"none","alg":"RS256","kid":"k1"}"#,
        r#"{"alg":"RS256","\u0061lg":"RS256","kid":"k1"}"#,
        r#"{"alg":"RS256","kid":"k1","kid":"k2"}"#,
        r#"{"alg":"RS256","kid":"k1","typ":"JWT","typ":"pop"}"#,
        "\u{feff}{\"alg\":\"RS256\",\"kid\":\"k1\"}",
        r#"{'alg':'RS256','kid':'k1'}"#,
    ] {
        assert!(malformed(&with_header(header)), "{header}");
    }
    let deep = format!(
        r#"{{"alg":"RS256","kid":{}"k1"{}}}"#,
        "[".repeat(4000),
        "]".repeat(4000)
    );
    assert!(malformed(&with_header(&deep)));
}

#[test]
fn only_rs256_is_an_algorithm() {
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""HS256""#,
        r#""RS384""#,
        r#""RS512""#,
        r#""PS256""#,
        r#""ES256""#,
        r#""EdDSA""#,
        r#""rs256""#,
        r#""RS256 ""#,
        r#""RS256\u0000""#,
        r#""""#,
        "null",
        "256",
        r#"["RS256"]"#,
        r#"{"RS256":1}"#,
    ] {
        let header = format!(r#"{{"alg":{alg},"kid":"k1"}}"#);
        assert_eq!(with_header(&header), Err(TokenError::Algorithm), "{header}");
    }
    assert_eq!(with_header(r#"{"kid":"k1"}"#), Err(TokenError::Algorithm));
    assert_eq!(
        with_header(r#"{"Alg":"RS256","kid":"k1"}"#),
        Err(TokenError::Algorithm)
    );
}

#[test]
fn what_asks_for_more_than_a_signature_is_critical() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
        r#""enc":null"#,
    ] {
        let header = format!(r#"{{"alg":"RS256","kid":"k1",{member}}}"#);
        assert_eq!(with_header(&header), Err(TokenError::Critical), "{header}");
    }
}

#[test]
fn a_token_for_a_microsoft_api_is_told_by_its_nonce() {
    for nonce in [r#""abc""#, r#""""#, "null", "1"] {
        let header = format!(r#"{{"typ":"JWT","alg":"RS256","kid":"k1","nonce":{nonce}}}"#);
        assert_eq!(with_header(&header), Err(TokenError::Nonce), "{header}");
    }
}

#[test]
fn a_type_is_a_text() {
    for typ in ["null", "1", r#"["JWT"]"#] {
        let header = format!(r#"{{"alg":"RS256","kid":"k1","typ":{typ}}}"#);
        assert_eq!(with_header(&header), Err(TokenError::Type), "{header}");
    }
}

#[test]
fn a_key_is_named_by_a_short_text() {
    for kid in [r#""""#, "null", "1", r#"["k1"]"#, r#"{"k1":1}"#] {
        let header = format!(r#"{{"alg":"RS256","kid":{kid}}}"#);
        assert!(malformed(&with_header(&header)), "{header}");
    }
    assert!(malformed(&with_header(r#"{"alg":"RS256"}"#)));
    for (length, sound) in [(256, true), (257, false)] {
        let header = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
        assert_eq!(with_header(&header).is_ok(), sound, "{length}");
    }
}

#[test]
fn keys_that_the_token_brings_along_are_not_looked_at() {
    let header = r#"{"alg":"RS256","kid":"k1","jku":"https://evil.example/keys",
        "x5u":"https://evil.example/c","jwk":{"kty":"oct","k":"AAAA"},"x5c":["AAAA"],"x5t":"other"}"#;
    assert_eq!(with_header(header), Ok(()));
}

#[test]
fn the_payload_names_one_issuer() {
    let names: ClaimNames = ["roles".into()].into_iter().collect();
    let parse = |payload: &str| {
        let text = compact(r#"{"alg":"RS256","kid":"k1"}"#, payload);
        let outcome = UnverifiedToken::parse(&text).map(|token| token.issuer);
        let read = UnverifiedToken::parse_for(text.as_bytes(), &names);
        assert_eq!(read.map(|token| token.issuer), outcome, "{payload}");
        outcome.map(|_| ())
    };
    assert_eq!(
        parse(r#"{"iss":"a","roles":[1],"roles":2,"":1e999}"#),
        Ok(())
    );
    assert_eq!(parse("{}"), Err(TokenError::MissingClaim("iss")));
    for iss in ["null", "1", r#"["https://issuer.example/"]"#, "{}", "true"] {
        let payload = format!(r#"{{"iss":{iss}}}"#);
        assert_eq!(
            parse(&payload),
            Err(TokenError::MalformedClaim("iss")),
            "{payload}"
        );
    }
    for payload in [
        "",
        "[]",
        r#"["https://issuer.example/"]"#,
        r#""iss""#,
        r#"{"iss":"a","iss":"a"}"#,
        r#"{"iss":"a","is\u0073":"b"}"#,
        r#"{"iss":"a"}}"#,
        r#"{"iss":"\ud800"}"#,
    ] {
        assert!(malformed(&parse(payload)), "{payload}");
    }
}

#[test]
fn no_text_of_the_token_is_shown() {
    let text = compact(
        r#"{"alg":"RS256","kid":"kid-of-it"}"#,
        r#"{"iss":"iss-of-it"}"#,
    );
    let token = UnverifiedToken::parse(&text).unwrap();
    let shown = format!("{token:?}");
    assert!(
        !shown.contains("of-it") && !shown.contains("c2ln"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn any_text_is_taken_apart_without_panic(text in "\\PC{0,200}") {
        let _ = UnverifiedToken::parse(&text);
    }

    #[test]
    fn any_three_parts_are_read_without_panic(
        header in prop::collection::vec(any::<u8>(), 0..80),
        payload in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = UnverifiedToken::parse(&format!("{}.{}.c2ln", encode(&header), encode(&payload)));
    }

    #[test]
    fn nothing_but_rs256_gets_through(
        alg in "\\PC{0,12}", member in "[a-z0-9]{1,5}", value in "(null|1|\"[a-zA-Z]{0,4}\"|\\[\\])",
    ) {
        let header = serde_json::json!({ "alg": alg, "kid": "k1" }).to_string();
        prop_assert_eq!(with_header(&header).is_ok(), alg == "RS256");
        let header = format!(r#"{{"alg":"RS256","kid":"k1","{member}":{value}}}"#);
        if ["crit", "b64", "zip", "enc", "nonce", "alg", "kid"].contains(&member.as_str()) {
            prop_assert!(with_header(&header).is_err());
        }
    }
}
