//! Keys and schemes: what a route does not read, what opens which door, what a `where` lets through, and
//! how each refusal is challenged.

use crate::support::{API_KEY, NIGHT_KEY, is};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{OTHER_API, OTHER_CLIENT, TENANT, bearer, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheme_that_a_route_does_not_read_counts_as_absent_and_one_that_it_reads_must_be_good() {
    let world = world().await;
    let foreign = bearer(&world.token().audience(OTHER_API).role("First").mint());
    let no_role = bearer(&world.token().mint());
    #[rustfmt::skip]
    let rows = [
        ("/key-or-near", "Accept: */*", is(200, "")),
        ("/key-or-near", "Authorization: Bearer", is(200, "")),
        ("/key-or-near", "Authorization: Bearer a b", is(200, "")),
        ("/key-or-near", foreign.as_str(), is(200, "")),
        ("/key-or-near", "Authorization: Basic", is(401, "bad_key")),
        ("/key-or-near", "Authorization: Basic !!!", is(401, "bad_key")),
        ("/key-or-near", "Authorization: \"Basic\" x", is(401, "bad_key")),
        ("/key-or-near", "X-Api-Key: x", is(401, "bad_key")),
        ("/token-or-near", "Accept: */*", is(200, "")),
        ("/token-or-near", "X-Api-Key: x", is(200, "")),
        ("/token-or-near", "Authorization: Basic", is(200, "")),
        ("/token-or-near", "Authorization: Basic !!!", is(200, "")),
        ("/token-or-near", "Authorization: Negotiate !!!", is(200, "")),
        ("/token-or-near", "Authorization: Bearer", is(401, "malformed_token")),
        ("/token-or-near", "Authorization: Bearer a b", is(401, "malformed_token")),
        ("/token-or-near", "Authorization:", is(401, "malformed_token")),
        // A token that proves to be for others refuses; one that does not suffice leaves the rest.
        ("/token-or-near", foreign.as_str(), is(401, "wrong_audience")),
        ("/token-or-near", no_role.as_str(), is(200, "")),
    ];
    for (target, line, expected) in rows {
        let reply = world
            .gateway
            .get_by_both("apis", target, &[line.to_owned()])
            .await;
        assert_eq!(reply.verdict(), expected, "{target} {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_its_own_doors_only() {
    let world = world().await;
    let get = async |target: &str, key: &str| {
        let headers = [format!("X-Api-Key: {key}")];
        world
            .gateway
            .get_by_both("apis", target, &headers)
            .await
            .verdict()
    };
    assert_eq!(get("/teams/payroll", API_KEY).await, is(200, ""));
    assert_eq!(get("/teams/night-1", NIGHT_KEY).await, is(200, ""));
    assert_eq!(
        get("/teams/night-1", API_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(
        get("/teams/payroll", NIGHT_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(
        get("/teams/night-", NIGHT_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(get("/teams/late-ops", NIGHT_KEY).await, is(200, ""));
    for team in [
        "-ops",
        "late-opsx",
        "late-ops-x",
        "xlate-ops%20",
        "late-OPS",
    ] {
        let answer = get(&format!("/teams/{team}"), NIGHT_KEY).await;
        assert_eq!(answer, is(403, "parameter_not_allowed"), "{team}");
    }
    assert_eq!(
        get("/teams/xpayroll", API_KEY).await,
        is(403, "parameter_not_allowed")
    );
    assert_eq!(get("/key-or-near", NIGHT_KEY).await, is(401, "bad_key"));
    let basic = |text: &[u8]| format!("Authorization: Basic {}", STANDARD.encode(text));
    let pair = |user: &str, key: &str| basic(format!("{user}:{key}").as_bytes());
    let good = pair("payroll", API_KEY);
    assert_eq!(
        world
            .gateway
            .get("legacy", "/any/x", std::slice::from_ref(&good))
            .await
            .status,
        200
    );
    let before = world.contoso.echo.count();
    for line in [
        pair("night", NIGHT_KEY),
        pair("Payroll", API_KEY),
        pair("", API_KEY),
        pair(API_KEY, "payroll"),
        pair("payroll:", API_KEY),
        pair("payroll", &format!(":{API_KEY}")),
        pair("payroll", &format!("{API_KEY}\n")),
        pair("payroll", &format!("{API_KEY}\0")),
        pair("payroll\0", API_KEY),
        pair("payroll", ""),
        basic(b"payroll"),
        basic(b":"),
        basic(b""),
        basic(b"\xff\xfe:\xff"),
        basic(&[b"payroll:", [0xff; 40].as_slice()].concat()),
        basic("pаyroll:x".as_bytes()),
        format!("Authorization: Basic {}", "QUFB".repeat(4000)),
        good.trim_end_matches('=').to_owned() + "AA",
        good.replace("Basic ", "Basic%20"),
        format!("{good}, {good}"),
        format!("X-Api-Key: {API_KEY}, {API_KEY}"),
        format!("X-Api-Key: Bearer {API_KEY}"),
        format!("X-Api-Key: {}", API_KEY.to_uppercase()),
        format!("X-Api-Key: {}", &API_KEY[1..]),
        format!("X-Api-Key: {API_KEY}{}", "x".repeat(2000)),
    ] {
        let reply = world
            .gateway
            .get("legacy", "/any/x", std::slice::from_ref(&line))
            .await;
        let reason = reply.reason();
        assert_eq!(reply.status, 401, "{line}: {reason}");
        assert!(
            ["bad_key", "no_credential"].contains(&reason.as_str()),
            "{line}: {reason}"
        );
    }
    for line in [
        "X_Api_Key",
        "Api-Key",
        "X-API-Key-",
        "X.Api.Key",
        "Proxy-Authorization",
    ] {
        let reply = world
            .gateway
            .get("legacy", "/any/x", &[format!("{line}: {API_KEY}")])
            .await;
        assert_eq!(reply.verdict(), is(401, "no_credential"), "{line}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_where_is_not_talked_round() {
    let world = world().await;
    for mailbox in [
        "a@payroll.contoso.example",
        "A%40PAYROLL.contoso.EXAMPLE",
        "hr-x",
        "%68r-%C3%A9",
    ] {
        let reply = world
            .with_key(&format!("/users/{mailbox}/messages"), &[])
            .await;
        assert_eq!(reply.status, 200, "{mailbox}: {}", reply.text());
    }
    let before = world.contoso.echo.count();
    for (mailbox, status) in [
        ("ceo@contoso.example", 403),
        ("@payroll.contoso.example", 403),
        ("%40payroll.contoso.example", 403),
        ("ceo%2540payroll.contoso.example", 403),
        ("ceo%2540contoso.example%253F@payroll.contoso.example", 403),
        ("ceo@contoso.example%2523@payroll.contoso.example", 403),
        ("ceo@contoso.example@payroll.contoso.example", 403),
        ("a@payroll.contoso.example@contoso.example", 403),
        ("a@payroll.contoso.example@", 403),
        ("a@payroll.contoso.example.", 403),
        ("a@payroll.contoso.example%20", 403),
        ("a@payroll.contoso.example.evil.example", 403),
        ("a@xpayroll.contoso.example", 403),
        ("a@payroll%EF%BC%8Econtoso.example", 403),
        ("a%EF%BC%A0payroll.contoso.example", 403),
        ("a@payro%E2%84%93l.contoso.example", 403),
        ("hr-", 403),
        ("HR-x", 403),
        ("hr-x%25", 403),
        ("hr-x%252Fceo", 403),
        ("hr-x%252F..%252Fceo", 400),
        ("hr-x%2Fceo", 400),
        ("hr-x/../ceo", 400),
        ("", 400),
        (".", 400),
        ("hr-x;ceo", 400),
        ("hr-x%5Cceo", 400),
        ("hr-x%00", 400),
        ("hr-x%0A", 400),
        ("hr-x%ff", 400),
    ] {
        let reply = world
            .with_key(&format!("/users/{mailbox}/messages"), &[])
            .await;
        assert_eq!(reply.status, status, "{mailbox}: {}", reply.text());
    }
    for (query, expected) in [
        ("$expand=manager", is(403, "expand_not_allowed")),
        ("$top=1&%24Expand=manager", is(403, "expand_not_allowed")),
        ("%2524expand=manager", is(403, "expand_not_allowed")),
        ("&&expand", is(403, "expand_not_allowed")),
    ] {
        let reply = world
            .with_key(&format!("/users/hr-x/messages?{query}"), &[])
            .await;
        assert_eq!(reply.verdict(), expected, "{query}");
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_is_challenged_as_the_standards_say() {
    let world = world().await;
    let expired = bearer(&world.token().claim("exp", 1).role("First").mint());
    let no_role = bearer(&world.token().client(OTHER_CLIENT).mint());
    let wrong_key = "X-Api-Key: wrong".to_owned();
    let uri = "https://login.microsoftonline.com";
    #[rustfmt::skip]
    let rows = [
        ("/first", vec![], 401, Some("no error"), false),
        ("/first", vec![wrong_key.clone()], 401, Some("no error"), false),
        ("/first", vec![expired.clone()], 401, Some("invalid_token"), false),
        ("/first", vec!["Authorization: Bearer x".to_owned()], 401, Some("invalid_token"), false),
        ("/first", vec![no_role.clone()], 403, Some("insufficient_scope"), false),
        ("/token-from-afar", vec![], 403, None, false),
        ("/token-or-key", vec![], 401, Some("no error"), true),
        ("/token-or-key", vec![wrong_key.clone()], 401, Some("no error"), true),
        ("/token-or-key", vec!["Authorization: Basic !".to_owned()], 401, Some("no error"), true),
        ("/token-or-key", vec![expired.clone()], 401, Some("invalid_token"), true),
        ("/token-or-key", vec![no_role.clone()], 403, Some("insufficient_scope"), false),
        ("/teams/x", vec![], 401, None, true),
        ("/teams/x", vec![wrong_key], 401, None, true),
        ("/teams/x", vec![format!("X-Api-Key: {API_KEY}")], 403, None, false),
        ("/nowhere", vec![], 404, None, false),
        ("/first", vec![expired.clone(), expired.clone()], 400, None, false),
    ];
    for (target, lines, status, bearer_part, basic) in rows {
        let reply = world.gateway.get_by_both("apis", target, &lines).await;
        let what = format!("{target} {lines:?}");
        assert_eq!(reply.status, status, "{what}");
        let challenges = reply.all("www-authenticate");
        let bearers: Vec<_> = challenges
            .iter()
            .filter(|text| text.starts_with("Bearer "))
            .collect();
        let basics: Vec<_> = challenges
            .iter()
            .filter(|text| text.starts_with("Basic "))
            .collect();
        assert_eq!(
            bearers.len() + basics.len(),
            challenges.len(),
            "{what}: {challenges:?}"
        );
        assert_eq!(
            (bearers.len(), basics.len()),
            (usize::from(bearer_part.is_some()), usize::from(basic)),
            "{what}"
        );
        if let (Some(error), Some(challenge)) = (bearer_part, bearers.first()) {
            let start = format!("Bearer realm=\"{TENANT}\", authorization_uri=\"");
            assert!(challenge.starts_with(&start), "{what}: {challenge}");
            match error {
                "no error" => assert!(!challenge.contains("error"), "{what}: {challenge}"),
                code => assert!(
                    challenge.contains(&format!(", error=\"{code}\", ")),
                    "{what}: {challenge}"
                ),
            }
            assert_eq!(challenge.matches('"').count() % 2, 0, "{what}: {challenge}");
            assert!(
                !challenge.contains(uri) || !challenge.contains("127.0.0.1"),
                "{challenge}"
            );
        }
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
        for line in &lines {
            let secret = line.rsplit(' ').next().unwrap();
            assert!(secret.len() < 6 || !reply.text().contains(secret), "{what}");
            assert!(
                secret.len() < 6 || challenges.iter().all(|text| !text.contains(secret)),
                "{what}"
            );
        }
    }
}
