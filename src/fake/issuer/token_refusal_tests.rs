use serde_json::json;

use super::tests::{V1, V2, calc_form};
use crate::fake::AppRegistration;
use crate::fake::fixtures::{HOST, ask, contoso, get, post_form};

#[test]
fn what_entra_refuses_is_refused() {
    let world = contoso();
    let secret = world.calc_secret.expose().as_str();
    world.issuer.register(|registry| {
        registry
            .with_app(AppRegistration::new("d15ab1ed-0000-4000-8000-000000000001").disabled())
            .with_app(
                AppRegistration::new("d15ab1ed-0000-4000-8000-000000000002").expired_secret("old"),
            )
    });
    let with = |changes: &[(&'static str, &'static str)]| {
        let mut form: Vec<(String, String)> = calc_form(secret)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        for (name, value) in changes {
            form.retain(|(field, _)| field != name);
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
        form
    };
    let bare = "/5e0699a2-7e10-4d08-8ebb-4f7d7406ad09/oauth2/v2.0/token";
    for (path, form, status, error, code) in [
        (
            V2,
            with(&[("grant_type", "")]),
            400,
            "invalid_request",
            900_144,
        ),
        (
            V2,
            with(&[("grant_type", "password")]),
            400,
            "unsupported_grant_type",
            70_003,
        ),
        (
            V2,
            with(&[("client_id", "")]),
            400,
            "invalid_request",
            900_144,
        ),
        (
            V2,
            with(&[("client_secret", "")]),
            401,
            "invalid_client",
            7_000_216,
        ),
        (
            V2,
            with(&[("client_secret", "wrong")]),
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            V2,
            with(&[
                ("client_id", "d15ab1ed-0000-4000-8000-000000000002"),
                ("client_secret", "old"),
            ]),
            401,
            "invalid_client",
            7_000_222,
        ),
        (
            V2,
            with(&[("client_id", "d15ab1ed-0000-4000-8000-000000000001")]),
            400,
            "unauthorized_client",
            7_000_112,
        ),
        (
            V2,
            with(&[("client_id", "00000000-0000-4000-8000-000000000000")]),
            400,
            "unauthorized_client",
            700_016,
        ),
        (bare, with(&[]), 400, "unauthorized_client", 700_016),
        (
            V2,
            with(&[("client_assertion", "a.b.c")]),
            400,
            "invalid_request",
            90_023,
        ),
        (V2, with(&[("scope", "")]), 400, "invalid_request", 900_144),
        (V2, with(&[("scope", " ")]), 400, "invalid_scope", 70_011),
        (
            V2,
            with(&[("scope", "/.default")]),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            V2,
            with(&[("scope", "Mail.Read")]),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            V2,
            with(&[("scope", "https://graph.microsoft.com/Mail.Read")]),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            V2,
            with(&[(
                "scope",
                "https://graph.microsoft.com/.default offline_access",
            )]),
            400,
            "invalid_scope",
            70_011,
        ),
        (
            V2,
            with(&[(
                "scope",
                "https://graph.microsoft.com/.default api://x/.default",
            )]),
            400,
            "invalid_scope",
            28_000,
        ),
        (
            V2,
            with(&[("scope", "api://unknown/.default")]),
            400,
            "invalid_resource",
            500_011,
        ),
        (
            V2,
            with(&[("resource", "https://graph.microsoft.com")]),
            400,
            "invalid_request",
            901_002,
        ),
        (V1, with(&[]), 400, "invalid_request", 900_144),
        (
            V1,
            with(&[("resource", "api://unknown")]),
            400,
            "invalid_resource",
            500_011,
        ),
        (
            "/common/oauth2/v2.0/token",
            with(&[]),
            400,
            "invalid_request",
            9_001_023,
        ),
        (
            "/contoso.example/oauth2/v2.0/token",
            with(&[]),
            400,
            "invalid_request",
            90_002,
        ),
    ] {
        let pairs: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (got, body, _) = ask(&world.issuer, &post_form(path, &pairs));
        let seen = (got, body["error"].as_str(), body["error_codes"][0].as_u64());
        assert_eq!(seen, (status, Some(error), Some(code)), "{path} {form:?}");
        assert_eq!(body.get("access_token"), None);
        let description = body["error_description"].as_str().unwrap();
        assert!(
            description.starts_with(&format!("AADSTS{code}: ")),
            "{description}"
        );
        assert!(!description.contains(secret));
        assert_eq!(body["timestamp"], "2026-11-18 11:06:40Z");
        assert_eq!(
            body["error_uri"],
            format!("https://login.microsoftonline.com/error?code={code}")
        );
        assert!(body["trace_id"].is_string() && body["correlation_id"].is_string());
    }
}

#[test]
fn what_comes_from_a_browser_or_is_no_form_is_refused() {
    let world = contoso();
    let form = calc_form(world.calc_secret.expose());
    let good = post_form(V2, &form);
    assert_eq!(ask(&world.issuer, &good).0, 200);

    let from_browser = good.clone().with("origin", "https://evil.example");
    let mut as_json = good.clone();
    as_json.headers.remove("content-type");
    let as_json = as_json.with("content-type", "application/json");
    let mut doubled = good.clone();
    doubled.body.kept.extend(b"&scope=api%3A%2F%2Fx%2F.default");
    for (request, code) in [
        (from_browser, 9_002_326),
        (as_json, 900_144),
        (doubled, 9_000_411),
    ] {
        let (status, body, _) = ask(&world.issuer, &request);
        assert_eq!((status, &body["error_codes"]), (400, &json!([code])));
    }
    let (status, _, response) = ask(&world.issuer, &get(V2));
    assert_eq!(
        (status, response.headers["allow"].to_str().unwrap()),
        (405, "POST")
    );
}

#[test]
fn a_name_that_is_not_loopback_is_refused() {
    let world = contoso();
    let form = calc_form(world.calc_secret.expose());
    for (host, expected) in [
        (HOST, 200),
        ("localhost", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8400", 200),
        ("evil.example:8400", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost:8400@evil.example", 400),
    ] {
        let mut request = post_form(V2, &form);
        request.headers.remove("host");
        let (status, _, _) = ask(&world.issuer, &request.clone().with("host", host));
        assert_eq!(status, expected, "{host}");
        assert_eq!(ask(&world.issuer, &request).0, 400, "no Host at all");
    }
}
