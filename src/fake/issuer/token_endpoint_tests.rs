use serde_json::{Value, json};

use crate::fake::fixtures::{NOW, ask, contoso, decoded, post_form};
use crate::fake::{ApiRegistration, AppRegistration, Contoso, ExpiresIn, Generation};

pub(super) const V2: &str = "/019486dd-8ffb-45a9-9232-4132babb1324/oauth2/v2.0/token";
pub(super) const V1: &str = "/019486dd-8ffb-45a9-9232-4132babb1324/oauth2/token";
pub(super) const SCOPE: &str = "api://06b2a484-141c-42d3-9d73-32bec5910b06/.default";

pub(super) fn calc_form(secret: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", Contoso::CALC_CLIENT),
        ("client_secret", secret),
        ("scope", SCOPE),
    ]
}

#[test]
fn a_client_with_a_role_gets_a_v2_token_that_says_so() {
    let world = contoso();
    let mut form = calc_form(world.calc_secret.expose());
    // Entra ignores it; the article that shows it got its token all the same.
    form.push(("audience", "api://06b2a484-141c-42d3-9d73-32bec5910b06"));
    let correlation = "7d3c0f8e-3a52-4a5f-9d8e-0c8b6a1f2e3d";
    let request = post_form(V2, &form).with("client-request-id", correlation);
    let (status, body, response) = ask(&world.issuer, &request);

    assert_eq!(status, 200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3599);
    assert_eq!(body["ext_expires_in"], 3599);
    assert_eq!(response.headers["cache-control"], "no-store, no-cache");
    assert_eq!(response.headers["client-request-id"], correlation);
    let (header, claims) = decoded(body["access_token"].as_str().unwrap());
    let kid = world.issuer.signing_key().kid().to_owned();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "RS256", "kid": kid }));
    for (name, expected) in [
        ("aud", json!(Contoso::CALC_API)),
        (
            "iss",
            json!(format!(
                "https://login.microsoftonline.com/{}/v2.0",
                Contoso::CALC_TENANT
            )),
        ),
        ("iat", json!(NOW.seconds() - 300)),
        ("nbf", json!(NOW.seconds() - 300)),
        ("exp", json!(NOW.seconds() + 3600)),
        ("azp", json!(Contoso::CALC_CLIENT)),
        ("azpacr", json!("1")),
        ("roles", json!(["invokeRole"])),
        ("tid", json!(Contoso::CALC_TENANT)),
        ("ver", json!("2.0")),
    ] {
        assert_eq!(claims[name], expected, "{name}");
    }
    assert_eq!(claims["oid"], claims["sub"]);
    for name in ["scp", "appid", "idp", "idtyp"] {
        assert_eq!(claims.get(name), None, "{name}");
    }
    let last = world.issuer.last_token_request().unwrap();
    assert_eq!(
        last.field("audience"),
        Some("api://06b2a484-141c-42d3-9d73-32bec5910b06")
    );
}

#[test]
fn a_client_without_a_role_gets_a_token_all_the_same() {
    let world = contoso();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", Contoso::GUEST_CLIENT),
        ("client_secret", world.guest_secret.expose()),
        ("scope", SCOPE),
    ];
    let (status, body, _) = ask(&world.issuer, &post_form(V2, &form));
    assert_eq!(status, 200);
    let (_, claims) = decoded(body["access_token"].as_str().unwrap());
    assert_eq!(claims.get("roles"), None);
    assert_eq!(claims["azp"], Contoso::GUEST_CLIENT);
}

#[test]
fn the_v1_endpoint_answers_in_strings_and_the_api_decides_the_token() {
    let world = contoso();
    world.issuer.register(|registry| {
        registry.with_api(ApiRegistration::new(Contoso::CALC_API).wants(Generation::V1))
    });
    let resource = "api://06b2a484-141c-42d3-9d73-32bec5910b06";
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", Contoso::CALC_CLIENT),
        ("client_secret", world.calc_secret.expose()),
        ("resource", resource),
    ];
    let (status, body, _) = ask(&world.issuer, &post_form(V1, &form));
    assert_eq!(status, 200);
    for (name, expected) in [
        ("expires_in", "3599".to_owned()),
        ("ext_expires_in", "3599".to_owned()),
        ("expires_on", (NOW.seconds() + 3600).to_string()),
        ("not_before", (NOW.seconds() - 300).to_string()),
        ("resource", resource.to_owned()),
    ] {
        assert_eq!(body[name], Value::String(expected), "{name}");
    }
    let (header, claims) = decoded(body["access_token"].as_str().unwrap());
    assert_eq!(header["x5t"], header["kid"]);
    assert_eq!(claims["ver"], "1.0");
    assert_eq!(claims["aud"], resource);
    assert_eq!(claims["appid"], Contoso::CALC_CLIENT);
    assert_eq!(claims["appidacr"], "1");
    assert_eq!(
        claims["iss"],
        format!("https://sts.windows.net/{}/", Contoso::CALC_TENANT)
    );
    assert_eq!(claims["idp"], claims["iss"]);

    let (status, body, _) = ask(
        &world.issuer,
        &post_form(V2, &calc_form(world.calc_secret.expose())),
    );
    assert_eq!(status, 200);
    assert_eq!(body["expires_in"], 3599);
    let (_, claims) = decoded(body["access_token"].as_str().unwrap());
    assert_eq!(
        claims["ver"], "1.0",
        "v1 although asked for at the v2 endpoint"
    );
}

#[test]
fn the_resource_is_what_stands_before_the_last_slash() {
    let world = contoso();
    let base = [
        ("grant_type", "client_credentials"),
        ("client_id", Contoso::MAIL_CLIENT),
        ("client_secret", world.mail_secret.expose()),
    ];
    let token = format!("/{}/oauth2/v2.0/token", Contoso::MAIL_TENANT);
    for (scope, audience) in [
        (
            "https://graph.microsoft.com/.default",
            "https://graph.microsoft.com",
        ),
        (
            "https://graph.microsoft.com//.default",
            "https://graph.microsoft.com/",
        ),
        (
            "00000003-0000-0000-c000-000000000000/.default",
            "00000003-0000-0000-c000-000000000000",
        ),
        (
            "https://outlook.office365.com/.default",
            "https://outlook.office365.com",
        ),
    ] {
        let mut form = base.to_vec();
        form.push(("scope", scope));
        let (status, body, _) = ask(&world.issuer, &post_form(&token, &form));
        assert_eq!(status, 200, "{scope}");
        let (header, claims) = decoded(body["access_token"].as_str().unwrap());
        assert_eq!(claims["aud"], audience);
        let is_graph = !scope.contains("outlook");
        assert_eq!(header.get("nonce").is_some(), is_graph, "{scope}");
        assert_eq!(claims.get("roles").is_some(), is_graph, "{scope}");
    }
}

#[test]
fn a_secret_may_come_by_basic_authentication_form_encoded() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let world = contoso();
    world.issuer.register(|registry| {
        registry.with_app(AppRegistration::new(Contoso::CALC_CLIENT).secret("p~q 8+:%/"))
    });
    let credentials = STANDARD.encode(format!("{}:p%7Eq+8%2B%3A%25%2F", Contoso::CALC_CLIENT));
    let form = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let request = post_form(V2, &form).with("authorization", &format!("Basic {credentials}"));
    assert_eq!(ask(&world.issuer, &request).0, 200);

    let form = [&form[..], &[("client_secret", "p~q 8+:%/")]].concat();
    let request = post_form(V2, &form).with("authorization", &format!("Basic {credentials}"));
    let (status, body, _) = ask(&world.issuer, &request);
    assert_eq!((status, &body["error_codes"]), (400, &json!([90_023])));
}

#[test]
fn answers_can_be_bent() {
    let world = contoso();
    let request = post_form(V2, &calc_form(world.calc_secret.expose()));
    let answer = || ask(&world.issuer, &request).1;

    world.issuer.misbehave(|it| it.lifetime = Some(90));
    world.issuer.misbehave(|it| it.refresh_in = Some(45));
    assert_eq!(answer()["expires_in"], 89);
    assert_eq!(answer()["refresh_in"], 45);
    let (_, claims) = decoded(answer()["access_token"].as_str().unwrap());
    assert_eq!(claims["exp"], NOW.seconds() + 90);
    world
        .issuer
        .misbehave(|it| it.expires_in = ExpiresIn::String);
    assert_eq!(answer()["expires_in"], "89");
    world
        .issuer
        .misbehave(|it| it.expires_in = ExpiresIn::Missing);
    assert_eq!(answer().get("expires_in"), None);
    assert_eq!(answer().get("ext_expires_in"), None);
    world.issuer.misbehave(|it| it.without_token = true);
    assert_eq!(answer().get("access_token"), None);
    assert_eq!(ask(&world.issuer, &request).0, 200);
}

#[test]
fn failures_count_down_and_carry_retry_after() {
    let world = contoso();
    let request = post_form(V2, &calc_form(world.calc_secret.expose()));
    world.issuer.token_endpoint().fail_next(2, 429, Some("7"));
    for _ in 0..2 {
        let (status, body, response) = ask(&world.issuer, &request);
        assert_eq!((status, &body["error_codes"]), (429, &json!([90_055])));
        assert_eq!(response.headers["retry-after"], "7");
    }
    assert_eq!(ask(&world.issuer, &request).0, 200);
    world.issuer.token_endpoint().fail_next(1, 503, None);
    let (status, body, response) = ask(&world.issuer, &request);
    assert_eq!(
        (status, &body["error"]),
        (503, &json!("temporarily_unavailable"))
    );
    assert!(!response.headers.contains_key("retry-after"));
    assert_eq!(world.issuer.token_requests(), 4);
}
