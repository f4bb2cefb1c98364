use serde_json::{Value, json};

use crate::clock::UnixTime;
use crate::fake::fixtures::{NOW, OTHER_KEY, ask, contoso, decoded, post_form};
use crate::fake::{ApiRegistration, Contoso, TokenBuilder, UserState};

const V2: &str = "/019486dd-8ffb-45a9-9232-4132babb1324/oauth2/v2.0/token";
const V1: &str = "/019486dd-8ffb-45a9-9232-4132babb1324/oauth2/token";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const MAIL: &str = "https://graph.microsoft.com/Mail.Read";

fn later(seconds: u64) -> UnixTime {
    NOW.plus(std::time::Duration::from_secs(seconds))
}

/// A token of Ann's for the API.
fn assertion(world: &Contoso) -> TokenBuilder {
    let token = world.issuer.token(Contoso::CALC_TENANT);
    token
        .audience(Contoso::CALC_API)
        .user("ann@contoso.example")
        .scope("access_as_user")
        .issued_at(NOW)
        .expires_at(later(3600))
}

fn form<'a>(world: &'a Contoso, assertion: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", JWT_BEARER),
        ("client_id", Contoso::CALC_API),
        ("client_secret", world.api_secret.expose()),
        ("assertion", assertion),
        ("scope", scope),
        ("requested_token_use", "on_behalf_of"),
    ]
}

fn exchanged(world: &Contoso, assertion: &str, scope: &str) -> (u16, Value) {
    let request = post_form(V2, &form(world, assertion, scope));
    let (status, body, _) = ask(&world.issuer, &request);
    (status, body)
}

#[test]
fn a_user_is_acted_for_by_what_was_consented_to() {
    let world = contoso();
    let token = assertion(&world).mint();
    for (scope, given) in [
        (MAIL, "Mail.Read"),
        (
            "https://graph.microsoft.com/.default",
            "Mail.Read User.Read",
        ),
        (
            "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read",
            "Mail.Read User.Read",
        ),
        (
            "openid profile https://graph.microsoft.com/Mail.Read",
            "Mail.Read",
        ),
    ] {
        let (status, body) = exchanged(&world, &token, scope);
        assert_eq!(status, 200, "{scope}: {body}");
        let (_, claims) = decoded(body["access_token"].as_str().unwrap());
        assert_eq!(claims["scp"], json!(given), "{scope}");
        assert_eq!(claims["oid"], decoded(&token).1["oid"]);
        assert_eq!(claims["appid"], json!(Contoso::CALC_API));
        assert_eq!(
            claims.get("roles"),
            None,
            "an application's are not a user's"
        );
        assert_eq!(body.get("refresh_token"), None, "nobody asked for one");
    }
    let (_, body) = exchanged(&world, &token, &format!("offline_access {MAIL}"));
    assert!(body["refresh_token"].is_string());
    let mut v1 = form(&world, &token, MAIL);
    v1.push(("resource", "https://graph.microsoft.com"));
    v1.retain(|(name, _)| *name != "scope");
    v1.push(("scope", "https://graph.microsoft.com/.default"));
    let (status, body, _) = ask(&world.issuer, &post_form(V1, &v1));
    assert_eq!(
        (status, &body["expires_in"]),
        (200, &json!("3599")),
        "{body}"
    );
}

#[test]
fn an_assertion_that_is_not_for_it_is_refused() {
    let world = contoso();
    let token = || assertion(&world);
    let changed = |token: &str, place: usize| {
        let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        parts[place].insert(3, 'x');
        parts.join(".")
    };
    let whole = token().mint();
    #[rustfmt::skip]
    let cases = [
        ("another key", token().signed_by(&OTHER_KEY).mint(), 50_013),
        ("no signature", token().unsigned().mint(), 50_013),
        ("a changed payload", changed(&whole, 1), 50_013),
        ("a changed signature", changed(&whole, 2), 50_013),
        ("no token", "x".to_owned(), 50_013),
        ("ended", token().expires_at(later(0)).mint(), 500_133),
        ("not begun", token().issued_at(later(600)).mint(), 500_133),
        ("another API's", token().audience("https://graph.microsoft.com").mint(), 500_131),
        ("another tenant's", world.issuer.token(Contoso::MAIL_TENANT).audience(Contoso::CALC_API)
            .user("ann@contoso.example").scope("a").issued_at(NOW).expires_at(later(60)).mint(), 50_013),
        ("an application's", world.issuer.token(Contoso::CALC_TENANT).audience(Contoso::CALC_API)
            .issued_at(NOW).expires_at(later(60)).mint(), 7_000_114),
    ];
    for (name, assertion, code) in cases {
        let (status, body) = exchanged(&world, &assertion, MAIL);
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("invalid_grant")),
            "{name}"
        );
        assert_eq!(body["error_codes"], json!([code]), "{name}");
    }
}

#[test]
fn what_is_missing_or_not_consented_to_is_refused() {
    let world = contoso();
    let token = assertion(&world).mint();
    let without = |name: &str| {
        let mut form = form(&world, &token, MAIL);
        form.retain(|(field, _)| *field != name);
        ask(&world.issuer, &post_form(V2, &form)).1
    };
    for name in ["assertion", "requested_token_use", "scope"] {
        assert_eq!(without(name)["error_codes"], json!([900_144]), "{name}");
    }
    assert_eq!(without("client_secret")["error_codes"], json!([7_000_216]));
    for (scope, code) in [
        ("https://graph.microsoft.com/Mail.Send", 65_001),
        ("https://outlook.office.com/.default", 65_001),
        (
            "https://graph.microsoft.com/Mail.Read https://outlook.office.com/Mail.Read",
            28_000,
        ),
        (
            "https://graph.microsoft.com/.default https://graph.microsoft.com/Mail.Read",
            70_011,
        ),
        ("openid", 70_011),
        ("api://nobody/x", 500_011),
    ] {
        let (_, body) = exchanged(&world, &token, scope);
        assert_eq!(body["error_codes"], json!([code]), "{scope}");
    }
}

#[test]
fn what_is_wanted_of_a_user_is_said_as_entra_says_it() {
    let world = contoso();
    let token = assertion(&world).mint();
    #[rustfmt::skip]
    let cases = [
        (UserState::SecondFactor, "interaction_required", 50_076, Some("basic_action"), true),
        (UserState::Blocked, "access_denied", 53_003, Some("message_only"), false),
        (UserState::Disabled, "invalid_grant", 50_057, None, false),
        (UserState::Revoked, "invalid_grant", 50_173, Some("bad_token"), false),
        (UserState::Looping, "invalid_grant", 50_196, None, false),
    ];
    for (state, error, code, suberror, claims) in cases {
        let name = "ann@contoso.example";
        world
            .issuer
            .register(|registry| registry.with_user(name, state));
        let (status, body) = exchanged(&world, &token, MAIL);
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{state:?}");
        assert_eq!(body["error_codes"], json!([code]));
        assert_eq!(body.get("suberror"), suberror.map(Value::from).as_ref());
        let claims_said = body["claims"].as_str().map(serde_json::from_str::<Value>);
        assert_eq!(
            claims_said.is_some_and(|json| json.is_ok()),
            claims,
            "{state:?}"
        );
    }
    let name = "ann@contoso.example";
    let second =
        |registry: crate::fake::Registry| registry.with_user(name, UserState::SecondFactor);
    world.issuer.register(second);
    let stronger = assertion(&world).claim("amr", json!(["pwd", "mfa"])).mint();
    assert_eq!(exchanged(&world, &stronger, MAIL).0, 200);
    let graph = ApiRegistration::GRAPH;
    world
        .issuer
        .register(|registry| registry.with_consent(Contoso::CALC_API, graph, "Mail.Send"));
    let sends = exchanged(&world, &stronger, "https://graph.microsoft.com/Mail.Send");
    assert_eq!(sends.0, 200, "{}", sends.1);
}
