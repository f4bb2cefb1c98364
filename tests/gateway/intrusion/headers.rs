//! What else a request says: who sent it, to which host and target, and what of it or of its token goes on.

use crate::support::{API_KEY, is};
use bearergate::fake::TokenBuilder;
use serde_json::{Value, json};

use super::{CALCULATOR, USER, bearer, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_web_pages_nor_batches_use_our_token() {
    let world = world().await;
    for line in [
        "Sec-Fetch-Site: none",
        "Sec-Fetch-Mode: navigate",
        "Referer: http://x/",
    ] {
        assert_eq!(
            world.with_key("/any/x", &[line]).await.status,
            200,
            "{line}"
        );
    }
    let before = world.contoso.echo.count();
    for lines in [
        &["Origin: https://evil.example"][..],
        &["Origin: null"],
        &["Origin:"],
        &["ORIGIN: http://127.0.0.1"],
        &["Sec-Fetch-Site: cross-site"],
        &["Sec-Fetch-Site: same-origin"],
        &["Sec-Fetch-Site: same-site"],
        &["Sec-Fetch-Site: NONE"],
        &["Sec-Fetch-Site:"],
        &["Sec-Fetch-Site: none, cross-site"],
        &["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"],
    ] {
        let reply = world.with_key("/any/x", lines).await;
        assert_eq!(reply.verdict(), is(403, "browser_not_allowed"), "{lines:?}");
    }
    for path in [
        "$batch",
        "$batch/",
        "%24batch",
        "$BATCH",
        "v1.0/$batch",
        "v1.0/$batch/x",
        "%24%62%61tch",
    ] {
        let reply = world.with_key(&format!("/any/{path}"), &[]).await;
        assert_eq!(reply.verdict(), is(403, "batch_not_allowed"), "{path}");
    }
    let preflight = "OPTIONS /any/x HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n\
                     Access-Control-Request-Method: POST\r\n\r\n";
    let reply = world.gateway.raw("legacy", preflight).await;
    assert_eq!(reply.verdict(), is(403, "browser_not_allowed"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_hosts_and_targets_have_one_reading() {
    let world = world().await;
    let send = async |request: &str| {
        world
            .gateway
            .raw("apis", format!("{request}\r\n\r\n"))
            .await
    };
    #[rustfmt::skip]
    let rows = [
        ("GET /reader HTTP/1.1\r\nHost: a", 200),
        ("HEAD /reader HTTP/1.1\r\nHost: a\r\nConnection: close", 200),
        ("get /reader HTTP/1.1\r\nHost: a", 405),
        ("Get /reader HTTP/1.1\r\nHost: a", 405),
        ("OPTIONS /reader HTTP/1.1\r\nHost: a", 405),
        ("TRACE /hosted HTTP/1.1\r\nHost: inside.example", 405),
        ("trace /hosted HTTP/1.1\r\nHost: inside.example", 405),
        // Another spelling of the host is the same host, another host is another.
        ("GET /hosted HTTP/1.1\r\nHost: inside.example", 200),
        ("GET /hosted HTTP/1.1\r\nHost: INSIDE.example.:8080", 200),
        ("GET http://inside.example/hosted HTTP/1.1\r\nHost: inside.example", 200),
        ("GET /hosted HTTP/1.1\r\nHost: outside.example", 401),
        ("GET /hosted HTTP/1.1\r\nHost: xinside.example", 401),
        ("GET /hosted HTTP/1.1\r\nHost: inside.example.evil.example", 401),
        ("GET /hosted HTTP/1.0", 401),
        ("GET http://inside.example/hosted HTTP/1.1\r\nHost: outside.example", 400),
        ("GET http://outside.example/hosted HTTP/1.1\r\nHost: inside.example", 400),
        ("GET http://inside.example@outside.example/hosted HTTP/1.1\r\nHost: outside.example", 400),
        ("GET /hosted HTTP/1.1\r\nHost: outside.example, inside.example", 400),
        ("GET /hosted HTTP/1.1\r\nHost: outside.example\r\nHost: inside.example", 400),
        ("GET /hosted HTTP/1.1\r\nHost: inside.example@outside.example", 400),
        ("GET /hosted HTTP/1.1\r\nHost: inside.example..", 400),
        ("GET /hosted HTTP/1.1\r\nHost: outside.example\r\nX-Forwarded-Host: inside.example", 401),
        ("GET /hosted HTTP/1.1\r\nHost: outside.example\r\nForwarded: host=inside.example", 401),
        ("GET /reader HTTP/1.1\r\nHost: a\r\nX-Original-URL: /first", 200),
        ("GET /first HTTP/1.1\r\nHost: a\r\nX-Rewrite-URL: /reader", 401),
    ];
    for (request, status) in rows {
        let reply = send(request).await;
        assert_eq!(reply.status, status, "{request}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_token_is_set_once_and_nothing_of_the_callers_goes_beside_it() {
    let world = world().await;
    let lines = [
        "Connection: close, Authorization, X-Request-Id",
        "Cookie: session=forged",
        "Proxy-Authorization: Basic forged",
        "Authorization: Negotiate forged",
        "X-Forwarded-For: forged",
        "X_Api_Key: forged",
    ];
    let reply = world.with_key("/any/x", &lines).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let headers: Vec<(String, String)> =
        serde_json::from_value(reply.json()["headers"].clone()).unwrap();
    let ours: Vec<&String> = headers
        .iter()
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(ours.len(), 1);
    assert!(ours[0].starts_with("Bearer ey"));
    for (name, value) in &headers {
        assert!(
            !value.contains("forged") && !value.contains(API_KEY),
            "{name}: {value}"
        );
        assert!(!name.starts_with("x-forwarded"), "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_says_of_its_bearer_stays_within_its_header() {
    let world = world().await;
    let told = async |token: TokenBuilder| -> Value {
        let reply = world
            .gateway
            .get("apis", "/told", &[bearer(&token.mint())])
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let headers: Vec<(String, String)> =
            serde_json::from_value(reply.json()["headers"].clone()).unwrap();
        let mut seen = serde_json::Map::new();
        for (name, value) in headers {
            assert_ne!(name, "x-evil", "{value}");
            let twice = seen.insert(name.clone(), value.into());
            assert_eq!(twice, None, "{name}");
        }
        Value::Object(seen)
    };
    let user = || world.token().user(USER).scope("Read");
    for name in [
        "x\r\nX-Evil: 1",
        "x\nX-Evil: 1",
        "x\r\n\r\nGET / HTTP/1.1",
        "x\0",
        "\u{7f}",
    ] {
        let seen = told(user().claim("name", name).claim("preferred_username", name)).await;
        for told in ["x-name", "x-user"] {
            let text = seen[told].as_str().unwrap_or_default();
            assert!(!text.contains(char::is_control), "{name:?}: {text:?}");
        }
        assert!(seen["x-who"].as_str().unwrap().starts_with("user:"));
    }
    let seen = told(
        user()
            .claim("name", "n".repeat(4000))
            .claim("roles", json!(["a", "b,Admin", "c\r\nX-Evil: 1"])),
    )
    .await;
    assert_eq!(seen["x-name"].as_str().map(str::len), Some(4000));
    let roles = seen["x-roles"].as_str().unwrap_or_default();
    assert!(
        roles.split(',').all(|role| role.trim() != "Admin"),
        "{roles}"
    );
    let app = world
        .token()
        .claim("name", "Ann")
        .claim("preferred_username", USER);
    let seen = told(app).await;
    assert_eq!(
        (&seen["x-name"], &seen["x-user"]),
        (&Value::Null, &Value::Null),
        "chosen by somebody"
    );
    assert_eq!(seen["x-who"], format!("app:{CALCULATOR}"));
}
