use http::HeaderMap;
use serde_json::json;
use zeroize::Zeroizing;

use super::*;

const ISSUER: &str = "https://login.example/realms/orders";
const AT: &str = "https://login.example/realms/orders/.well-known/openid-configuration";

fn read(
    metadata: &ServerMetadata,
    status: u16,
    body: &str,
) -> Result<Option<String>, TokenEndpointError> {
    let answer = Answer {
        status,
        headers: HeaderMap::new(),
        body: Zeroizing::new(body.as_bytes().to_vec()),
    };
    metadata.token_endpoint(AT, &answer)
}

fn of(issuer: &str) -> ServerMetadata {
    ServerMetadata::new(issuer.to_owned(), false)
}

#[test]
fn the_document_is_where_openid_has_it_or_where_oauth_has_it() {
    for (issuer, openid, oauth) in [
        (
            ISSUER,
            AT,
            "https://login.example/.well-known/oauth-authorization-server/realms/orders",
        ),
        (
            "https://tenant.example.com/",
            "https://tenant.example.com/.well-known/openid-configuration",
            "https://tenant.example.com/.well-known/oauth-authorization-server",
        ),
        (
            "http://127.0.0.1:8080/a/",
            "http://127.0.0.1:8080/a/.well-known/openid-configuration",
            "http://127.0.0.1:8080/.well-known/oauth-authorization-server/a",
        ),
    ] {
        assert_eq!(of(issuer).urls(), [openid, oauth]);
    }
}

#[test]
fn an_endpoint_is_taken_where_all_is_the_issuers() {
    for (issuer, endpoint) in [
        (ISSUER, "https://login.example/realms/orders/token"),
        (ISSUER, "https://login.example:8443/token?tenant=1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/token"),
        ("http://[::1]:1/x", "https://[::1]:2/token"),
    ] {
        let document = json!({ "issuer": issuer, "token_endpoint": endpoint });
        let got = read(&of(issuer), 200, &document.to_string());
        assert_eq!(got, Ok(Some(endpoint.to_owned())));
    }
}

#[test]
fn a_document_leads_nowhere_else() {
    for endpoint in [
        "https://evil.example/token",
        "https://login.example.evil.example/token",
        "https://login.example@evil.example/token",
        "https://user:word@login.example/token",
        "https://user@login.example/token",
        "http://login.example/token",
        "http://127.0.0.1/token",
        "https://login.example/token#part",
        "//login.example/token",
        "/realms/orders/token",
        "file:///etc/passwd",
        "",
    ] {
        let document = json!({ "issuer": ISSUER, "token_endpoint": endpoint });
        let told = read(&of(ISSUER), 200, &document.to_string()).unwrap_err();
        let told = told.to_string();
        assert!(
            told.contains("not https on the issuer's own host"),
            "{endpoint}: {told}"
        );
        assert!(told.contains("`token_url`"), "{told}");
    }
}

#[test]
fn a_document_is_the_issuers_to_the_letter() {
    for issuer in [
        "https://login.example/realms/orders/",
        "https://LOGIN.example/realms/orders",
        "http://login.example/realms/orders",
        "https://login.example/realms/Orders",
        "https://login.example:443/realms/orders",
        "https://evil.example\n",
    ] {
        let document = json!({ "issuer": issuer, "token_endpoint": "https://login.example/token" });
        let told = read(&of(ISSUER), 200, &document.to_string()).unwrap_err();
        assert!(told.to_string().contains("is the metadata of "), "{told}");
        assert!(!told.to_string().contains('\n'));
    }
}

#[test]
fn what_is_no_document_is_told_apart() {
    let metadata = of(ISSUER);
    assert_eq!(read(&metadata, 404, "<html>"), Ok(None));
    for status in [408, 429, 500, 503] {
        let told = read(&metadata, status, "").unwrap_err();
        assert!(
            matches!(told, TokenEndpointError::Unavailable(_)),
            "{status}: {told}"
        );
    }
    for (status, body, why) in [
        (
            301,
            "",
            "answers status 301 instead of metadata; check `issuer`",
        ),
        (403, "{}", "answers status 403"),
        (200, "<html>hidden-word", "is no metadata"),
        (200, "[]", "is no metadata"),
        (200, r#"{"issuer":["x"]}"#, "is no metadata"),
        (
            200,
            r#"{"issuer":"https://login.example/realms/orders"}"#,
            "names no token_endpoint",
        ),
        (
            200,
            r#"{"issuer":"https://login.example/realms/orders","token_endpoint":7}"#,
            "names no token_endpoint",
        ),
    ] {
        let told = read(&metadata, status, body).unwrap_err();
        assert!(matches!(told, TokenEndpointError::Unknown(_)), "{told}");
        let told = told.to_string();
        assert!(told.contains(why) && told.contains(AT), "{told}");
        assert!(!told.contains("hidden-word"));
    }
}

#[test]
fn who_shows_a_certificate_is_sent_where_those_are_asked_for() {
    let document = |alias: &str| {
        json!({
            "issuer": ISSUER, "token_endpoint": "https://login.example/token",
            "mtls_endpoint_aliases": { "token_endpoint": alias },
        })
        .to_string()
    };
    let shows = ServerMetadata::new(ISSUER.to_owned(), true);
    let alias = "https://login.example:9443/token";
    assert_eq!(
        read(&shows, 200, &document(alias)),
        Ok(Some(alias.to_owned()))
    );
    let plain = Ok(Some("https://login.example/token".to_owned()));
    assert_eq!(read(&of(ISSUER), 200, &document(alias)), plain);
    assert!(read(&shows, 200, &document("https://mtls.login.example/token")).is_err());
    let none = json!({ "issuer": ISSUER, "token_endpoint": "https://login.example/token" });
    assert_eq!(read(&shows, 200, &none.to_string()), plain);
}
