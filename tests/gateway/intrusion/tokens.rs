//! Tokens that are genuine and still no permit: for another route, for another purpose, or at odds
//! with themselves.

use crate::support::is;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{API, CALCULATOR, FABRIKAM, OTHER_API, TENANT, USER, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_of_one_route_is_no_permit_for_another() {
    let world = world().await;
    let one = world.token().role("First").mint();
    let wide = world
        .token()
        .claim("aud", json!([API, OTHER_API]))
        .role("First")
        .mint();
    let rows = [
        ("/first", &one, is(200, "")),
        ("/second", &one, is(401, "wrong_audience")),
        ("/third", &one, is(403, "role_missing")),
        ("/oid", &one, is(403, "object_not_allowed")),
        ("/reports", &one, is(401, "wrong_audience")),
        ("/fabrikam", &one, is(401, "unknown_issuer")),
        ("/token-from-afar", &one, is(403, "network_not_allowed")),
        ("/second", &wide, is(403, "role_missing")),
    ];
    for _ in 0..2 {
        for (target, token, expected) in &rows {
            assert_eq!(world.present(target, token).await, *expected, "{target}");
        }
        // One byte more or less is another token.
        assert_eq!(world.present("/first", &one[..one.len() - 1]).await.0, 401);
        assert_eq!(world.present("/first", &format!("{one}A")).await.0, 401);
        let (rest, last) = one.split_at(one.len() - 1);
        let other = if last == "A" { "Q" } else { "A" };
        assert_eq!(
            world.present("/first", &format!("{rest}{other}")).await.0,
            401
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_scopes_and_objects_are_asked_one_by_one() {
    let world = world().await;
    let reports = || world.token().v1().audience("api://reports").user(USER);
    let object = "0b0b0b0b-1111-4222-8333-999999999999";
    let user_with_role = || world.token().user(USER).role("First");
    #[rustfmt::skip]
    let rows = [
        ("both of two", "/third", world.token().role("First").role("Third"), is(200, "")),
        ("one of two", "/third", world.token().role("Third"), is(403, "role_missing")),
        ("scope", "/reports", reports().scope("Reports.Read"), is(200, "")),
        ("scope, with a slash", "/reports", reports().scope("Reports.Read").audience("api://reports/"), is(200, "")),
        ("two slashes", "/reports", reports().scope("Reports.Read").audience("api://reports//"), is(401, "wrong_audience")),
        ("another scope", "/reports", reports().scope("Reports.ReadWrite"), is(403, "scope_missing")),
        ("scope in two words", "/reports", reports().scope("Reports .Read"), is(403, "scope_missing")),
        ("scope by tab", "/reports", reports().scope("x\tReports.Read"), is(403, "scope_missing")),
        ("scope as role", "/reports", reports().scope("x").role("Reports.Read"), is(403, "scope_missing")),
        ("app with the role", "/reports", world.token().v1().audience("api://reports").role("Reports.Read"), is(403, "principal_not_allowed")),
        ("app or user with the role", "/either", world.token().role("First"), is(200, "")),
        ("user with the role and no scope", "/either", user_with_role(), is(200, "")),
        ("the same in v1", "/either", user_with_role().v1().audience(API), is(200, "")),
        ("the same, marked", "/either", user_with_role().claim("idtyp", "user").without("azpacr"), is(200, "")),
        ("the same for applications", "/first", user_with_role(), is(403, "principal_not_allowed")),
        ("the same for a scope", "/reports", user_with_role().v1().audience("api://reports").claim("roles", json!(["Reports.Read"])), is(403, "scope_missing")),
        ("marked, and neither role nor scope", "/either", user_with_role().claim("idtyp", "user").without("roles"), is(403, "role_missing")),
        ("role as scope", "/either", world.token().user(USER).scope("First"), is(403, "role_missing")),
        ("object", "/oid", world.token().claim("oid", object).claim("sub", object), is(200, "")),
        ("object in sub", "/oid", world.token().claim("sub", object).claim("idtyp", "app"), is(403, "object_not_allowed")),
    ];
    for (what, target, token, expected) in rows {
        assert_eq!(
            world.present(target, &token.mint()).await,
            expected,
            "{what}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_contradict_themselves_stay_out() {
    let world = world().await;
    let good = || world.token().role("First");
    let names = vec!["First"; 1025];
    let text =
        json!({"iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0")}).to_string();
    let parts: Vec<String> = good()
        .kid("nobody")
        .mint()
        .split('.')
        .map(str::to_owned)
        .collect();
    let sound = good().mint();
    let sound: Vec<&str> = sound.split('.').collect();
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(sound[1]).unwrap()).unwrap();
    let twice = |claim: &str| {
        good()
            .payload(payload.replacen('{', &format!("{{{claim},"), 1))
            .mint()
    };
    let user = || good().user(USER);
    let with_bytes = |member: &[u8]| {
        let bytes = [b"{", member, &payload.as_bytes()[1..]].concat();
        good().payload(bytes).mint()
    };
    let list = json!(["RS256", "JWT", world.contoso.issuer.signing_key().kid()]).to_string();
    #[rustfmt::skip]
    let rows: Vec<(&str, String, &str)> = vec![
        ("header an array", format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(list), sound[1], sound[2]), "malformed_token"),
        ("aud twice", twice(r#""aud":"x""#), "malformed_token"),
        ("exp twice", twice(r#""exp":1"#), "malformed_token"),
        ("roles twice", twice(r#""roles":["x"]"#), "malformed_token"),
        ("tid twice", twice(r#""tid":"x""#), "malformed_token"),
        ("payload an array", good().payload(json!([format!("https://login.microsoftonline.com/{TENANT}/v2.0")]).to_string()).mint(), "malformed_token"),
        ("payload with more behind", good().payload(format!("{text} {{}}")).mint(), "malformed_token"),
        ("iss twice", good().payload(text.replace('{', r#"{"iss":"x","#)).mint(), "malformed_token"),
        ("a thousand roles", good().claim("roles", json!(names)).mint(), "malformed_claim"),
        ("tid in two cases", good().claim("TID", FABRIKAM).mint(), "malformed_claim"),
        ("tid in another case only", good().without("tid").claim("Tid", TENANT).mint(), "malformed_claim"),
        ("no scope", good().claim("scp", " ").mint(), "malformed_claim"),
        ("scp null", good().claim("scp", Value::Null).mint(), "malformed_claim"),
        ("at_hash", good().claim("at_hash", "x").mint(), "wrong_type"),
        ("c_hash", good().claim("c_hash", "x").mint(), "wrong_type"),
        ("nonce null", good().claim("nonce", Value::Null).mint(), "wrong_type"),
        ("cnf null", good().claim("cnf", Value::Null).mint(), "sender_constrained"),
        ("azp no GUID", good().claim("azp", "calculator").mint(), "malformed_claim"),
        ("azp in braces", good().claim("azp", format!("{{{CALCULATOR}}}")).mint(), "malformed_claim"),
        ("oid no GUID", good().claim("oid", "*").claim("sub", "*").mint(), "malformed_claim"),
        ("app with a scope", good().claim("idtyp", "app").claim("scp", "x").mint(), "malformed_claim"),
        // An ID token of a registration that is client and API at once may carry roles.
        ("a user's roles, and no client's class", user().without("azpacr").mint(), "wrong_type"),
        ("the class of another version", user().without("azpacr").claim("appidacr", "1").mint(), "wrong_type"),
        ("the class no text", user().claim("azpacr", 1).mint(), "malformed_claim"),
        ("a user's, with neither roles nor scope", user().without("roles").mint(), "wrong_type"),
        ("a user's ID token with roles", user().without("azp").without("azpacr").mint(), "missing_claim"),
        ("no UTF-8 in a claim nobody reads", with_bytes(b"\"aio\":\"\xff\","), "malformed_token"),
        ("no UTF-8 in a name nobody knows", with_bytes(b"\"a\xc3\":1,"), "malformed_token"),
        ("no UTF-8 far down", with_bytes(b"\"a\":[{\"b\":\"\xed\xa0\x80\"}],"), "malformed_token"),
        ("half a character, escaped", with_bytes(b"\"aio\":\"\\ud83d\","), "malformed_token"),
        ("no sub, no idtyp", good().without("sub").mint(), "wrong_type"),
        ("ver 3.0", good().claim("ver", "3.0").mint(), "unknown_issuer"),
        ("no ver", good().without("ver").mint(), "unknown_issuer"),
        ("ver a number", good().claim("ver", 2.0).mint(), "malformed_claim"),
        ("ver 1.0 in v2's clothes", good().claim("ver", "1.0").claim("appid", CALCULATOR).mint(), "unknown_issuer"),
        ("typ empty", good().header("typ", "").mint(), "wrong_type"),
        ("typ a list", good().header("typ", json!(["JWT"])).mint(), "wrong_type"),
        ("alg a list", good().header("alg", json!(["RS256"])).mint(), "algorithm_not_allowed"),
        ("crit null", good().header("crit", Value::Null).mint(), "critical_header"),
        ("enc", good().header("enc", "A256GCM").mint(), "critical_header"),
        ("kid empty", good().kid("").mint(), "malformed_token"),
        ("kid of 300", good().kid(&"k".repeat(300)).mint(), "malformed_token"),
        // The shape and the header are judged before anybody is asked for a key.
        ("typ of an unknown key", good().kid("nobody").header("typ", "at+jwt").mint(), "wrong_type"),
        ("four parts of an unknown key", format!("{}.x", parts.join(".")), "malformed_token"),
        ("no base64 in it", format!("{}.{}.~~~~", parts[0], parts[1]), "malformed_token"),
    ];
    for (what, token, reason) in rows {
        assert_eq!(
            world.present("/first", &token).await,
            is(401, reason),
            "{what}"
        );
    }
    assert_eq!(world.contoso.echo.count(), 0);
}
