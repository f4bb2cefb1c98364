use serde_json::json;

use super::*;

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);
const PROOF: &str = "p~q8-secret value";

fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Answer {
        status,
        headers: map,
        body: zeroize::Zeroizing::new(body.as_bytes().to_vec()),
    }
}

fn read_token(body: &str) -> Result<TokenResponse, TokenEndpointError> {
    read(&answer(200, &[], body), &[PROOF], NOW)
}

/// An error as Entra words it.
fn error(status: u16, error: &str, code: u64, description: &str) -> TokenEndpointError {
    let body = json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: {description}\r\nTrace ID: 0f5c…\r\nCorrelation ID: 8c1d…"
        ),
        "error_codes": [code],
        "timestamp": "2026-11-02 10:00:00Z",
        "trace_id": "0f5c0000-1111-4222-8333-444444444444",
        "correlation_id": "8C1D0000-1111-4222-8333-444444444444",
    });
    read(&answer(status, &[], &body.to_string()), &[PROOF], NOW).unwrap_err()
}

#[test]
fn times_are_read_however_they_are_written() {
    // expires_in, refresh_in, life, refresh
    let cases = [
        (json!(3599), json!(null), 3599, None),
        (json!("3599"), json!("1800"), 3599, Some(1800)),
        (json!(" 3599 "), json!(1800.9), 3599, Some(1800)),
        (json!(3599.7), json!(1800), 3599, Some(1800)),
        (json!(null), json!(null), 600, None),
        (json!("soon"), json!("later"), 600, None),
        (json!([3599]), json!({}), 600, None),
        (json!(5), json!(0), 5, None),
        (json!(2), json!(null), 2, None),
        (json!(3599), json!(-1), 3599, None),
        (json!(3599), json!(3599), 3599, None),
        (json!(3599), json!(99_999), 3599, None),
        (json!(86_400), json!(43_200), 86_400, Some(43_200)),
        (json!(1e300), json!(1e300), 86_400, None),
        (json!(u64::MAX), json!(u64::MAX), 86_400, None),
        (json!("9223372036854775807"), json!(null), 86_400, None),
    ];
    for (expires_in, refresh_in, life, refresh) in cases {
        let body = json!({
            "token_type": "Bearer", "access_token": "eyJ0.e30.c2ln",
            "expires_in": expires_in, "refresh_in": refresh_in, "ext_expires_in": 99_999,
        });
        let token = read_token(&body.to_string()).unwrap();
        assert_eq!(token.access_token.expose(), "eyJ0.e30.c2ln");
        assert_eq!(
            token.expires_at,
            NOW.plus(Duration::from_secs(life)),
            "{body}"
        );
        let refresh = refresh.map(|after| NOW.plus(Duration::from_secs(after)));
        assert_eq!(token.refresh_at, refresh, "{body}");
    }
}

#[test]
fn the_v1_endpoints_answer_is_read() {
    let token = read_token(
        r#"{"token_type":"bearer","expires_in":"3599","ext_expires_in":"3599","not_before":"1","expires_on":"2","resource":"https:\/\/graph.microsoft.com","access_token":"a\/b+c="}"#,
    )
    .unwrap();
    assert_eq!(token.access_token.expose(), "a/b+c=");
}

#[test]
fn two_hundred_without_a_usable_token_is_no_token() {
    let cases = [
        "",
        "ok",
        "[]",
        "null",
        "<html>",
        "{}",
        r#"{"token_type":"Bearer","expires_in":3599}"#,
        r#"{"token_type":"Bearer","access_token":null}"#,
        r#"{"token_type":"Bearer","access_token":""}"#,
        r#"{"token_type":"Bearer","access_token":17171717}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET\r\nX-Evil: 1"}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET two"}"#,
        r#"{"token_type":"Bearer","access_token":"SECRETé"}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET\u0000"}"#,
        r#"{"access_token":"SECRET"}"#,
        r#"{"token_type":"PoP","access_token":"SECRET"}"#,
        r#"{"token_type":["Bearer"],"access_token":"SECRET"}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET","expires_in":0}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET","expires_in":-3600}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET","expires_in":"-1"}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET","expires_in":1}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET","access_token":"SECRET"}"#,
        r#"{"token_type":"Bearer","access_token":["SECRET"]}"#,
        r#"{"token_type":"Bearer","access_token":"SECRET"} trailing"#,
        r#"{"error":"invalid_client"}"#,
    ];
    for body in cases {
        match read_token(body) {
            Err(TokenEndpointError::Malformed(why)) => {
                assert!(!why.contains("SECRET") && !why.contains("1717"), "{why}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn a_refusal_says_what_to_do_in_our_words() {
    let got = error(
        401,
        "invalid_client",
        7_000_215,
        "Invalid client secret provided. Ensure … for a secret added to app 'aaaa0000-…'.",
    );
    let TokenEndpointError::Refused {
        error: word,
        code,
        advice,
        correlation_id,
        ..
    } = &got
    else {
        panic!("{got:?}");
    };
    assert_eq!((word.as_str(), *code), ("invalid_client", Some(7_000_215)));
    assert!(advice.contains("Value"), "{advice}");
    assert!(
        advice.contains("it says: Invalid client secret provided. Ensure"),
        "{advice}"
    );
    assert_eq!(
        correlation_id.as_deref(),
        Some("8c1d0000-1111-4222-8333-444444444444")
    );
    let line = got.to_string();
    assert!(
        line.starts_with("invalid_client AADSTS7000215: the client secret is wrong"),
        "{line}"
    );
    assert!(!line.contains('\n') && !line.contains("Trace"), "{line}");
}

#[test]
fn an_unknown_code_is_quoted_and_can_be_looked_up() {
    let line = error(
        400,
        "invalid_request",
        12_345,
        "The \u{1b}[31mwidget is odd. More. ",
    )
    .to_string();
    assert_eq!(
        line,
        "invalid_request AADSTS12345: it says: The ?[31mwidget is odd. More; \
         see https://login.microsoftonline.com/error?code=12345 \
         (correlation id 8c1d0000-1111-4222-8333-444444444444)"
    );
    let long = error(400, "invalid_request", 12_345, &"x".repeat(5000)).to_string();
    assert!(long.len() < 900, "{}", long.len());
}

#[test]
fn the_code_is_found_in_the_description_too() {
    let body =
        r#"{"error":"invalid_scope","error_description":"AADSTS1002012: The provided value …"}"#;
    let got = read(&answer(400, &[], body), &[PROOF], NOW).unwrap_err();
    assert!(
        matches!(
            got,
            TokenEndpointError::Refused {
                code: Some(1_002_012),
                ..
            }
        ),
        "{got:?}"
    );
    let body = r#"{"error":"invalid_scope","error_description":"no such scope"}"#;
    let got = read(&answer(400, &[], body), &[PROOF], NOW).unwrap_err();
    assert!(
        got.to_string()
            .ends_with("ends in /.default; it says: no such scope"),
        "{got}"
    );
}

#[test]
fn what_passes_by_itself_is_no_refusal() {
    for got in [
        error(400, "temporarily_unavailable", 1, "x"),
        error(400, "server_error", 1, "x"),
        error(400, "invalid_client", 90_033, "x"),
        error(503, "invalid_client", 7_000_215, "x"),
        read(&answer(500, &[], ""), &[PROOF], NOW).unwrap_err(),
        read(&answer(504, &[], "<html>"), &[PROOF], NOW).unwrap_err(),
        read(&answer(599, &[], "{}"), &[PROOF], NOW).unwrap_err(),
        read(&answer(408, &[], ""), &[PROOF], NOW).unwrap_err(),
    ] {
        assert!(matches!(got, TokenEndpointError::Unavailable(_)), "{got:?}");
    }
    let looped = error(400, "invalid_grant", 50_196, "x");
    let TokenEndpointError::Throttled { retry_after, said } = looped else {
        panic!("{looped:?}");
    };
    assert_eq!(retry_after, LOOP_WAIT);
    assert!(
        said.unwrap()
            .contains("find what else uses this client id; it says: x")
    );
}

#[test]
fn what_is_no_oauth_error_is_malformed() {
    for (status, body) in [
        (404, ""),
        (403, "<html>a proxy's page</html>"),
        (400, "{}"),
        (401, r#"{"error":{"code":"x"}}"#),
        (302, ""),
        (307, r#"{"error":"moved"}"#),
        (204, ""),
        (
            201,
            r#"{"token_type":"Bearer","access_token":"a","expires_in":3599}"#,
        ),
    ] {
        let got = read(&answer(status, &[], body), &[PROOF], NOW).unwrap_err();
        let is_malformed = matches!(got, TokenEndpointError::Malformed(_));
        assert!(is_malformed, "{status} {body}: {got:?}");
    }
}

#[test]
fn waiting_is_asked_for_in_seconds_or_by_date() {
    let cases = [
        ("7", 7),
        ("0", 0),
        (" 60 ", 60),
        ("3601", 3600),
        ("99999999999999999999", 3600),
        ("soon", 5),
        ("-1", 5),
        ("1.5", 5),
        ("", 5),
        ("Mon, 21 Sep 2026 14:14:10 GMT", 50),
        ("Mon, 21 Sep 2026 14:13:00 GMT", 0),
        ("Tue, 21 Sep 2027 14:13:20 GMT", 3600),
        ("Mon, 21 Zep 2026 14:14:10 GMT", 5),
        ("Mon, 21 anF 2026 14:14:10 GMT", 5),
        ("Mon, 32 Sep 2026 14:14:10 GMT", 5),
        ("Mon, 21 Sep 2026 14:14:10 CET", 5),
    ];
    for (value, expected) in cases {
        for status in [429, 503, 400] {
            let got = read(
                &answer(status, &[("retry-after", value)], ""),
                &[PROOF],
                NOW,
            )
            .unwrap_err();
            let retry_after = Duration::from_secs(expected);
            let said = None;
            let expected = TokenEndpointError::Throttled { retry_after, said };
            assert_eq!(got, expected, "{value}");
        }
    }
    let bare = read(&answer(429, &[], ""), &[PROOF], NOW).unwrap_err();
    let (retry_after, said) = (WAIT, None);
    assert_eq!(bare, TokenEndpointError::Throttled { retry_after, said });
    let told = error(429, "invalid_request", 90_055, "Too many. Come later.");
    assert_eq!(
        told.to_string(),
        "throttled; asked to wait 5s; it says: Too many. Come later"
    );
}

#[test]
fn nothing_that_was_sent_comes_back_in_an_error() {
    for echo in [PROOF, "p%7Eq8-secret+value", "eyJhbGciOi.eyJhdWQi.c2ln"] {
        let description = format!("The value {echo} is wrong");
        for got in [
            error(400, "invalid_request", 12_345, &description),
            error(400, "invalid_client", 7_000_215, &description),
            read(
                &answer(
                    400,
                    &[],
                    &json!({ "error": echo, "error_description": description }).to_string(),
                ),
                &[echo],
                NOW,
            )
            .unwrap_err(),
        ] {
            assert!(!got.to_string().contains(echo), "{got}");
            assert!(!format!("{got:?}").contains(echo), "{got:?}");
        }
    }
}

#[test]
fn errors_are_made_fit_for_a_log() {
    let odd = ["", "two words", "a\nb", "x<script>", &"x".repeat(65)];
    for error in odd {
        let body = json!({ "error": error, "correlation_id": "not\na guid" }).to_string();
        let got = read(&answer(400, &[], &body), &[PROOF], NOW).unwrap_err();
        assert_eq!(
            got.to_string(),
            "unrecognised_error: the endpoint refused the request"
        );
    }
}

#[test]
fn of_several_codes_the_last_that_is_known_is_told_with_all_words() {
    let description = "AADSTS70002: Error validating credentials. AADSTS50012: Invalid client \
        secret is provided.\r\nTrace ID: 0f5c0000\r\nCorrelation ID: 8c1d0000\r\nTimestamp: 2026";
    let said =
        "it says: Error validating credentials. AADSTS50012: Invalid client secret is provided";
    for codes in [json!([70_002, 50_012]), json!([]), json!(null)] {
        let body = json!({
            "error": "invalid_client", "error_description": description, "error_codes": codes,
        });
        let got = read(&answer(401, &[], &body.to_string()), &[PROOF], NOW).unwrap_err();
        let line = got.to_string();
        assert!(
            line.starts_with("invalid_client AADSTS50012: the assertion"),
            "{line}"
        );
        assert!(line.ends_with(said), "{line}");
    }
    // One that nobody knows does not hide one that is known.
    for (codes, told) in [
        (json!([7_000_215, 1]), 7_000_215),
        (json!([1, 2]), 2),
        (json!(["x", 7]), 7),
    ] {
        let body = json!({ "error": "invalid_client", "error_codes": codes });
        let got = read(&answer(401, &[], &body.to_string()), &[PROOF], NOW).unwrap_err();
        assert!(
            got.to_string().contains(&format!("AADSTS{told}: ")),
            "{got}"
        );
    }
    let down = error(503, "server_error", 90_033, "A transient error. Try again.");
    assert_eq!(
        down.to_string(),
        "unavailable: status 503, server_error AADSTS90033; it says: A transient error. Try again"
    );
}

#[test]
fn each_reason_against_a_certificate_has_its_own_advice() {
    for (reason, advice) in [
        ("The key used is expired.", "the certificate has expired"),
        (
            "The key used is not yet valid.",
            "the certificate is not valid yet",
        ),
        (
            "The key was not found.",
            "Entra does not know this certificate",
        ),
        (
            "Key was found, but use of the key to verify the signature failed.",
            "does not fit it",
        ),
        ("The key was found in another tenant.", "not of this tenant"),
        ("Something new.", "Entra does not know this certificate"),
    ] {
        let description = format!(
            "Client assertion contains an invalid signature. [Reason - {reason}, Thumbprint of key \
             used by client: 'F00D', Found key 'Start=01/01/2026 00:00:00, End=02/01/2026 00:00:00']"
        );
        let line = error(401, "invalid_client", 700_027, &description).to_string();
        assert!(line.contains(advice), "{line}");
        assert!(
            line.contains(&format!("[Reason - {reason}, Thumbprint of key")),
            "{line}"
        );
    }
}
