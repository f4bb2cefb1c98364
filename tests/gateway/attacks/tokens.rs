//! Tokens: the forms that come in, and each that is forged, stale, foreign or not allowed.

use crate::support::World;
use bearergate::clock::UnixTime;
use bearergate::fake::{SigningKey, TokenBuilder};
use serde_json::json;

use super::{API, CALCULATOR, OTHER_CLIENT, TENANT, USER, good, world};

fn good_v1(world: &World) -> TokenBuilder {
    good(world).v1().audience(&format!("api://{API}"))
}

fn good_user(world: &World) -> TokenBuilder {
    let token = world.contoso.issuer.token(TENANT).v1();
    let token = token.audience("api://reports").client(OTHER_CLIENT);
    token.user(USER).scope("Reports.Read")
}

fn in_seconds(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(UnixTime::now().seconds().saturating_add_signed(seconds))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_genuine_and_allowed_come_in() {
    let world = world().await;
    let good = || good(&world);
    let good_v1 = || good_v1(&world);
    let good_user = || good_user(&world);
    #[rustfmt::skip]
    let rows = [
        ("v2 app", "/calc/v1/add/1/1", good().mint()),
        ("v1 app", "/calc/v1/add/1/1", good_v1().mint()),
        ("v1 app, guid audience", "/calc/v1/add/1/1", good_v1().audience(API).mint()),
        ("v1 app, trailing slash", "/calc/v1/x", good_v1().audience(&format!("api://{API}/")).mint()),
        ("audience array", "/calc/v1/x", good().claim("aud", json!(["x", API])).mint()),
        ("upper-case audience", "/calc/v1/x", good().audience(&API.to_uppercase()).mint()),
        ("idtyp app", "/calc/v1/x", good().claim("idtyp", json!("app")).mint()),
        ("no typ", "/calc/v1/x", good().without_header("typ").mint()),
        ("expired within leeway", "/calc/v1/x", good().expires_at(in_seconds(-30)).mint()),
        ("nbf within leeway", "/calc/v1/x", good().claim("nbf", json!(in_seconds(30).seconds())).mint()),
        ("user", "/reports", good_user().mint()),
        ("user with two scopes", "/reports", good_user().scope("Other").mint()),
    ];
    for (what, target, token) in rows {
        let reply = world
            .gateway
            .get("apis", target, &[format!("Authorization: Bearer {token}")])
            .await;
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_are_forged_stale_or_foreign_stay_out() {
    let world = world().await;
    let good = || good(&world);
    let good_v1 = || good_v1(&world);
    let good_user = || good_user(&world);
    let other_key = SigningKey::generate().unwrap();
    let kid = world.contoso.issuer.signing_key().kid().to_owned();
    let cut = |token: String, by: usize| token[..token.len() - by].to_owned();
    let token = good().mint();
    let parts: Vec<&str> = token.split('.').collect();
    #[rustfmt::skip]
    let rows: Vec<(&str, u16, &str, String)> = vec![
        // shape
        ("not a JWT", 401, "malformed_token", "garbage".into()),
        ("two parts", 401, "malformed_token", format!("{}.{}", parts[0], parts[1])),
        ("four parts", 401, "malformed_token", format!("{token}.x")),
        ("five parts, a JWE", 401, "malformed_token", format!("{token}.x.y")),
        ("empty signature", 401, "malformed_token", format!("{}.{}.", parts[0], parts[1])),
        ("empty payload", 401, "malformed_token", format!("{}..{}", parts[0], parts[2])),
        ("padding", 401, "malformed_token", format!("{}=.{}.{}", parts[0], parts[1], parts[2])),
        ("standard base64", 401, "malformed_token", format!("{}.{}.+/{}", parts[0], parts[1], parts[2])),
        ("signature cut", 401, "bad_signature", cut(token.clone(), 2)),
        ("signature of zeros", 401, "bad_signature", format!("{}.{}.{}", parts[0], parts[1], "A".repeat(342))),
        ("too large", 401, "token_too_large", format!("{token}{}", "A".repeat(17 * 1024))),
        // header
        ("alg none", 401, "malformed_token", good().unsigned().mint()),
        ("alg none with a signature", 401, "algorithm_not_allowed", format!("{}{}", good().unsigned().mint(), parts[2])),
        ("HS256 with the public key", 401, "algorithm_not_allowed", good().hs256_with_public_key().mint()),
        ("alg RS512", 401, "algorithm_not_allowed", good().header("alg", json!("RS512")).mint()),
        ("alg PS256", 401, "algorithm_not_allowed", good().header("alg", json!("PS256")).mint()),
        ("alg rs256", 401, "algorithm_not_allowed", good().header("alg", json!("rs256")).mint()),
        ("alg missing", 401, "algorithm_not_allowed", good().without_header("alg").mint()),
        ("crit", 401, "critical_header", good().header("crit", json!(["exp"])).mint()),
        ("b64", 401, "critical_header", good().header("b64", json!(false)).mint()),
        ("zip", 401, "critical_header", good().header("zip", json!("DEF")).mint()),
        ("nonce of a Graph token", 401, "token_not_for_us", good().header("nonce", json!("x")).mint()),
        ("typ pop", 401, "wrong_type", good().header("typ", json!("pop")).mint()),
        ("typ at+jwt", 401, "wrong_type", good().header("typ", json!("at+jwt")).mint()),
        ("kid missing", 401, "malformed_token", good().without_header("kid").mint()),
        ("kid not a string", 401, "malformed_token", good().header("kid", json!(7)).mint()),
        ("kid unknown, and a path", 401, "unknown_key", good().kid("../../../etc/passwd").mint()),
        ("embedded jwk", 401, "bad_signature", good().signed_by(&other_key).kid(&kid).header("jwk", json!({"kty": "RSA"})).mint()),
        ("jku elsewhere", 401, "bad_signature", good().signed_by(&other_key).kid(&kid).header("jku", json!("http://127.0.0.1:1/k")).mint()),
        // signature
        ("signed by another key", 401, "bad_signature", good().signed_by(&other_key).kid(&kid).mint()),
        ("payload swapped", 401, "bad_signature", {
            let other = good().role("Admin").mint();
            let other: Vec<&str> = other.split('.').collect();
            format!("{}.{}.{}", parts[0], other[1], parts[2])
        }),
        ("header swapped", 401, "bad_signature", {
            let other = good().header("x", json!(1)).mint();
            format!("{}.{}.{}", other.split('.').next().unwrap(), parts[1], parts[2])
        }),
        // times
        ("expired", 401, "token_expired", good().expires_at(in_seconds(-120)).mint()),
        ("exp 0", 401, "token_expired", good().claim("exp", json!(0)).mint()),
        ("exp missing", 401, "missing_claim", good().without("exp").mint()),
        ("exp a string", 401, "malformed_claim", good().claim("exp", json!("9999999999")).mint()),
        ("exp negative", 401, "malformed_claim", good().claim("exp", json!(-1)).mint()),
        ("exp 1e300", 401, "malformed_claim", good().claim("exp", json!(1e300)).mint()),
        ("exp null", 401, "malformed_claim", good().claim("exp", json!(null)).mint()),
        ("nbf ahead", 401, "token_not_yet_valid", good().claim("nbf", json!(in_seconds(600).seconds())).mint()),
        ("nbf a string", 401, "malformed_claim", good().claim("nbf", json!("0")).mint()),
        ("nbf missing", 401, "missing_claim", good().without("nbf").mint()),
        // issuer and tenant
        ("iss of another tenant", 401, "unknown_issuer", good().claim("iss", json!("https://login.microsoftonline.com/11111111-aaaa-4bbb-8ccc-222222222222/v2.0")).mint()),
        ("iss v2 with a slash", 401, "unknown_issuer", good().claim("iss", json!(format!("https://login.microsoftonline.com/{TENANT}/v2.0/"))).mint()),
        ("iss v1 without a slash", 401, "unknown_issuer", good_v1().claim("iss", json!(format!("https://sts.windows.net/{TENANT}"))).mint()),
        ("iss the dev authority", 401, "unknown_issuer", good().claim("iss", json!(format!("{}/{TENANT}/v2.0", world.issuer()))).mint()),
        ("iss the template", 401, "unknown_issuer", good().claim("iss", json!("https://login.microsoftonline.com/{tenantid}/v2.0")).mint()),
        ("iss an array", 401, "malformed_claim", good().claim("iss", json!([format!("https://login.microsoftonline.com/{TENANT}/v2.0")])).mint()),
        ("iss v1 in a v2 token", 401, "unknown_issuer", good().claim("iss", json!(format!("https://sts.windows.net/{TENANT}/"))).mint()),
        ("ver 2.0 with iss v1", 401, "unknown_issuer", good_v1().claim("ver", json!("2.0")).claim("azp", json!(CALCULATOR)).mint()),
        ("tid of another tenant", 401, "wrong_tenant", good().claim("tid", json!("11111111-aaaa-4bbb-8ccc-222222222222")).mint()),
        ("tid missing", 401, "missing_claim", good().without("tid").mint()),
        // audience
        ("aud of another API", 401, "wrong_audience", good().audience(OTHER_CLIENT).mint()),
        ("aud Graph", 401, "wrong_audience", good().audience("https://graph.microsoft.com").mint()),
        ("aud api:// in a v2 token", 401, "wrong_audience", good().audience(&format!("api://{API}")).mint()),
        ("aud with more behind", 401, "wrong_audience", good_v1().audience(&format!("api://{API}/x")).mint()),
        ("aud missing", 401, "missing_claim", good().without("aud").mint()),
        ("aud empty array", 401, "malformed_claim", good().claim("aud", json!([])).mint()),
        ("aud mixed array", 401, "malformed_claim", good().claim("aud", json!([API, 7])).mint()),
        ("aud an object", 401, "malformed_claim", good().claim("aud", json!({"a": API})).mint()),
        // not an access token of an application
        ("cnf", 401, "sender_constrained", good().claim("cnf", json!({"x5t#S256": "x"})).mint()),
        ("ID token", 401, "wrong_type", good().without("azp").without("azpacr").claim("nonce", json!("n")).mint()),
        ("oid missing", 401, "missing_claim", good().without("oid").mint()),
        ("azp missing", 401, "missing_claim", good().without("azp").mint()),
        ("azp a number", 401, "malformed_claim", good().claim("azp", json!(7)).mint()),
        ("appid instead of azp in v2", 401, "missing_claim", good().without("azp").claim("appid", json!(CALCULATOR)).mint()),
        ("idtyp device", 401, "wrong_type", good().claim("idtyp", json!("device")).mint()),
        ("roles a string", 401, "malformed_claim", good().claim("roles", json!("invokeRole")).mint()),
        ("roles of numbers", 401, "malformed_claim", good().claim("roles", json!([1])).mint()),
        ("scp an array", 401, "malformed_claim", good_user().claim("scp", json!(["Reports.Read"])).mint()),
        // genuine, but not allowed
        ("no role", 403, "role_missing", good().without("roles").mint()),
        ("another role", 403, "role_missing", good().claim("roles", json!(["invokerole"])).mint()),
        ("role in scp", 403, "principal_not_allowed", good().without("roles").user(USER).scope("invokeRole").mint()),
        ("user with the role", 403, "principal_not_allowed", good().user(USER).scope("x").mint()),
        ("another client", 403, "client_not_allowed", good().client(OTHER_CLIENT).mint()),
    ];
    assert!(rows.len() >= 60);
    let before = world.contoso.echo.count();
    let mut wrong = Vec::new();
    for (what, status, reason, token) in rows {
        let reply = world
            .gateway
            .get_by_both(
                "apis",
                "/calc/v1/add/1/1",
                &[format!("Authorization: Bearer {token}")],
            )
            .await;
        if (reply.status, reply.reason().as_str()) != (status, reason) {
            wrong.push(format!(
                "{what}: {} {}, not {status} {reason}",
                reply.status,
                reply.reason()
            ));
            continue;
        }
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        let error = if status == 401 {
            "invalid_token"
        } else {
            "insufficient_scope"
        };
        assert!(
            challenge.contains(&format!("error=\"{error}\"")),
            "{what}: {challenge}"
        );
        assert!(
            !reply.text().contains(&token),
            "{what}: the answer holds the token"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}
