//! What the page shows of a request that was refused, and that nothing on it comes from elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::sha::sha256;

use super::*;
use crate::support::eventually;

/// A request is told of when it has ended, which is after its answer has left.
async fn told(world: &World, count: usize) -> Value {
    eventually("refusals on the page", async || {
        let status = status(world).await;
        status["refusals"]["requests"].as_array().unwrap().len() >= count
    })
    .await;
    status(world).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_says_what_was_proven_what_was_wanted_and_what_to_do() {
    let world = calc().await;
    let reply = without_role(&world).await;
    let status = told(&world, 1).await;
    let request = last(&status);
    let id = reply.header("x-request-id").unwrap();
    let calculator = format!("app:{}", Contoso::CALC_CLIENT);
    for (member, expected) in [
        ("request_id", id),
        ("listener", "apis"),
        ("route", "calc"),
        ("method", "GET"),
        ("path", "/calc/v1/add/1/1"),
        ("outcome", "denied"),
        ("reason", "role_missing"),
        ("detail", "roles are [Other]; needs one of [invokeRole]"),
        ("principal", calculator.as_str()),
        ("client", "127.0.0.1"),
    ] {
        assert_eq!(request[member], expected, "{member}");
    }
    assert_eq!(request["status"], 403);
    let explained = &status["refusals"]["reasons"]["role_missing"];
    let fix = explained["operator"].as_str().unwrap();
    assert!(fix.starts_with("Assign the app role"), "{fix}");
    let page = page(&world).await.text();
    for shown in [
        id,
        "403 role_missing",
        "roles are [Other]; needs one of [invokeRole]",
        fix,
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("eyJ"), "a token is on the page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_served_is_counted_and_not_shown() {
    let world = calc().await;
    let token = world.token().role(Contoso::CALC_ROLE).mint();
    let header = format!("Authorization: Bearer {token}");
    for _ in 0..3 {
        let reply = world
            .gateway
            .get("apis", "/calc/v1/add/1/1", std::slice::from_ref(&header));
        assert_eq!(reply.await.status, 200);
    }
    without_role(&world).await;
    let status = told(&world, 1).await;
    assert_eq!(status["refusals"]["requests"].as_array().unwrap().len(), 1);
    let calc = &status["routes"][0];
    assert_eq!(calc["id"], "calc");
    assert_eq!(
        (&calc["whole"]["requests"], &calc["whole"]["denied"]),
        (&4.into(), &1.into())
    );
    assert_eq!(calc["reasons"][0]["reason"], "role_missing");
    assert!(calc["p50_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(
        status["attention"].as_array().unwrap().len(),
        0,
        "{}",
        status["attention"]
    );
    assert_eq!(status["state"], "ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_keys_in_a_path_are_shortened() {
    let world = mail().await;
    let wrong = inbox("").replace(MAILBOX, "director@board.contoso.example");
    assert_eq!(
        world.gateway.ask(&wrong).await.reason(),
        "parameter_not_allowed"
    );
    world.gateway.tells_in_paths(API_KEY);
    let key = format!("/nowhere/{API_KEY}");
    assert_eq!(world.gateway.ask(&key).await.reason(), "no_route");
    let status = told(&world, 2).await;
    let page = page(&world).await.text();
    let both = format!("{page}{status}");
    assert!(
        both.contains("/graph/v1.0/users/d…@board.contoso.example/messages"),
        "{both}"
    );
    assert!(both.contains("/nowhere/payr…"), "{both}");
    assert!(!both.contains("director") && !both.contains(API_KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_sends_is_text_and_no_markup() {
    let world = calc().await;
    let hostile = [
        "GET /<script>alert(1)</script> HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /calc/%3Cimg%20src=x%20onerror=alert(1)%3E HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /calc/v1/\"onmouseover='alert(1)' HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for request in hostile {
        world.gateway.raw("apis", request).await;
    }
    told(&world, 2).await;
    let page = page(&world).await.text();
    for never in ["<script", "<img", "onerror=alert(1)>", "\"onmouseover"] {
        assert!(!page.contains(never), "{never}");
    }
    assert!(page.contains("alert(1)"), "it is shown as what it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_from_elsewhere_and_the_one_style_is_known_by_its_hash() {
    let world = calc().await;
    let page = page(&world).await;
    let text = page.text();
    let style = text
        .split("<style>")
        .nth(1)
        .unwrap()
        .split("</style>")
        .next()
        .unwrap();
    let hash = STANDARD.encode(sha256(style.as_bytes()));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains(&format!("style-src 'sha256-{hash}'")),
        "{policy}"
    );
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    for never in [
        "<script",
        "style=",
        "src=",
        "<link",
        "url(",
        "@import",
        "http://www",
        "https://www",
    ] {
        assert!(!text.contains(never), "{never}");
    }
    assert!(
        page.header("refresh").is_none(),
        "it stays as it is until it is asked for again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_again_by_itself_only_where_somebody_wants_that() {
    let world = calc().await;
    for (query, expected) in [
        ("every=10", Some("10")),
        ("every=2", Some("2")),
        ("every=0", None),
        ("every=1", None),
        ("every=99999999999999999999", None),
        ("every=1;url=http://attacker.example", None),
        ("every=abc", None),
        ("", None),
    ] {
        let reply = world.gateway.get_admin(&format!("/status?{query}")).await;
        assert_eq!(
            (reply.status, reply.header("refresh")),
            (200, expected),
            "{query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_no_body_and_other_methods_are_refused() {
    let world = calc().await;
    for path in ["/status", "/status.json"] {
        let head = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut connection = world.gateway.connect("admin").await;
        connection.send(&head).await;
        let all = connection.rest().await;
        assert!(
            all.starts_with("HTTP/1.1 200 ") && all.ends_with("\r\n\r\n"),
            "{all}"
        );
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let reply = world.gateway.raw("admin", request).await;
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, Some("GET, HEAD")),
                "{method}"
            );
        }
    }
}
