//! What does a refusal by another authorization server say? Its `error` (RFC 6749 §5.2) is all that there is
//! to go by: what to do is said in the words of the file.

use serde_json::Value;

use super::token_answer::{description, joined, quoted, read_but, word};
use super::{TokenEndpointError, TokenResponse};
use crate::clock::UnixTime;
use crate::http_client::Answer;

/// What the RFC calls a client that did not prove itself.
const INVALID_CLIENT: &str = "invalid_client";

/// Reads an answer; a token comes as Entra's does. `confided` is what was sent in confidence.
pub(super) fn read(
    answer: &Answer,
    confided: &[&str],
    now: UnixTime,
) -> Result<TokenResponse, TokenEndpointError> {
    read_but(answer, confided, now, refusal)
}

fn refusal(answer: &Answer, confided: &[&str]) -> TokenEndpointError {
    let status = answer.status;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(error) = body["error"].as_str() else {
        return match status {
            408 | 500.. => TokenEndpointError::Unavailable(format!("status {status}")),
            300..400 => TokenEndpointError::Malformed(format!(
                "status {status}; redirects are not followed, check `token_url`"
            )),
            _ => TokenEndpointError::Malformed(format!(
                "status {status} without an OAuth error; check `token_url`"
            )),
        };
    };
    let error = word(error, confided);
    let said = quoted(description(&body), confided);
    let passes = matches!(error.as_str(), "temporarily_unavailable" | "server_error");
    if status >= 500 || status == 408 || passes {
        return TokenEndpointError::Unavailable(joined(&format!("status {status}, {error}"), said));
    }
    if !(400..500).contains(&status) {
        return TokenEndpointError::Malformed(format!("status {status}, {error}"));
    }
    // §5.2: 401 is for clients that did not prove themselves, whatever else it is called: Keycloak
    // calls it `unauthorized_client`, Auth0 `access_denied`.
    let (error, said) = match status == 401 && error != INVALID_CLIENT {
        true => {
            let called = format!("the server calls it {error}");
            (INVALID_CLIENT.to_owned(), Some(joined(&called, said)))
        }
        false => (error, said),
    };
    TokenEndpointError::Refused {
        advice: joined(advice(&error), said),
        error,
        code: None,
        suberror: None,
        claims: None,
        correlation_id: None,
    }
}

fn advice(error: &str) -> &'static str {
    match error {
        INVALID_CLIENT => {
            "the server does not take this client's proof; check `client_id`, `auth` and the \
             credential against the client's registration there"
        }
        "unauthorized_client" => {
            "the client may not use the client credentials grant; its registration must allow it"
        }
        "unsupported_grant_type" => {
            "the server does not know the client credentials grant; check `token_url`"
        }
        "invalid_scope" => "the server does not know the scope, or keeps it from this client",
        // RFC 8707 §2.
        "invalid_target" => "the server does not know the API; check `resource` and `audience`",
        "invalid_request" => {
            "the server misses a parameter, or does not take one; check `scope`, `resource`, \
             `audience` and `extra`"
        }
        _ => "the server refused the request",
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use zeroize::Zeroizing;

    use super::*;

    fn refused(status: u16, body: &str) -> String {
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        };
        refusal(&answer, &["hidden-word"]).to_string()
    }

    #[test]
    fn each_refusal_says_which_key_of_the_file_to_look_at() {
        for (status, error, key) in [
            (401, "invalid_client", "`client_id`"),
            (400, "invalid_client", "`auth`"),
            (400, "unauthorized_client", "registration must allow"),
            (400, "unsupported_grant_type", "`token_url`"),
            (400, "invalid_scope", "does not know the scope"),
            (400, "invalid_target", "`resource`"),
            (400, "invalid_request", "`extra`"),
            (403, "insufficient_magic", "refused the request"),
        ] {
            let told = refused(status, &format!(r#"{{"error":"{error}"}}"#));
            assert!(told.starts_with(error) && told.contains(key), "{told}");
        }
    }

    /// As Keycloak and Auth0 answer a wrong secret.
    #[test]
    fn a_401_is_about_the_proof_whatever_it_is_called() {
        for called in ["unauthorized_client", "access_denied"] {
            let body = format!(r#"{{"error":"{called}","error_description":"Nope."}}"#);
            let told = refused(401, &body);
            assert!(told.starts_with("invalid_client: "), "{told}");
            assert!(
                told.ends_with(&format!("the server calls it {called}; it says: Nope")),
                "{told}"
            );
        }
        let other = refused(403, r#"{"error":"access_denied"}"#);
        assert!(other.starts_with("access_denied: "), "{other}");
    }

    #[test]
    fn what_passes_and_what_is_no_refusal_are_told_apart() {
        for (status, body, expected) in [
            (
                503,
                r#"{"error":"invalid_client"}"#,
                "unavailable: status 503",
            ),
            (
                400,
                r#"{"error":"temporarily_unavailable"}"#,
                "unavailable: ",
            ),
            (500, "<html>", "unavailable: status 500"),
            (302, "", "check `token_url`"),
            (404, "<html>", "check `token_url`"),
            (403, "{}", "check `token_url`"),
            (203, r#"{"error":"odd"}"#, "no token response"),
        ] {
            let told = refused(status, body);
            assert!(told.contains(expected), "{status} {body}: {told}");
        }
    }

    #[test]
    fn nothing_of_entras_is_told_and_nothing_that_was_confided() {
        let told = refused(
            400,
            r#"{"error":"invalid_scope","error_codes":[70011],"error_description":"AADSTS70011: x"}"#,
        );
        assert!(
            !told.contains("/.default") && !told.contains("microsoft"),
            "{told}"
        );
        let told = refused(
            401,
            r#"{"error":"hidden-word","error_description":"hidden-word"}"#,
        );
        assert!(!told.contains("hidden-word"), "{told}");
    }
}
