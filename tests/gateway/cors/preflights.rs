//! Browsers ask before a page's request: who is answered, and that nothing of it goes on.

use crate::support::{client, is, whole};

use super::{ADMIN, APP, SHARING, shared, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_is_answered_for_the_request_that_it_asks_about_and_never_forwarded() {
    let (origin, world) = world().await;
    let reply = world.preflight("/orders/1", APP, "GET").await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("vary"), Some("Origin"));
    assert!(reply.header("x-request-id").is_some());
    assert_eq!(
        shared(&reply),
        [
            (SHARING[0], APP),
            (SHARING[1], "true"),
            (SHARING[2], "GET"),
            (SHARING[3], "authorization, content-type"),
            (SHARING[5], "600"),
        ]
    );
    let reply = world.preflight("/orders/1", ADMIN, "PUT").await;
    assert_eq!(reply.status, 204);
    let told = [
        (SHARING[0], ADMIN),
        (SHARING[2], "PUT"),
        (SHARING[3], "authorization"),
        (SHARING[5], "3600"),
    ];
    assert_eq!(shared(&reply), told);
    // What the route takes and pages may not: the browser sees that it is not on the list.
    let reply = world.preflight("/orders/1", ADMIN, "DELETE").await;
    assert_eq!((reply.status, reply.header(SHARING[2])), (204, Some("PUT")));
    let reply = world
        .preflight("/every/thing", "https://whoever.example", "PATCH")
        .await;
    assert_eq!((reply.status, reply.header(SHARING[0])), (204, Some("*")));
    assert_eq!(reply.header(SHARING[1]), None);
    assert_eq!(world.preflight("/ours/x", APP, "GET").await.status, 204);
    for (target, from, method) in [
        ("/orders/1", ADMIN, "GET"),
        ("/orders/1", APP, "PUT"),
        ("/orders/1", "null", "GET"),
        ("/orders/1", "https://app.example.com.evil.example", "GET"),
        (
            "/orders/1",
            "https://evil.example/https://app.example.com",
            "GET",
        ),
        (
            "/orders/1",
            "https://app.example.com\r\nOrigin: https://app.example.com",
            "GET",
        ),
        ("/ours/x", "https://evil.example", "GET"),
    ] {
        let reply = world.preflight(target, from, method).await;
        assert_eq!(reply.verdict(), is(403, "origin_not_allowed"), "{from}");
        assert!(shared(&reply).is_empty(), "{from}: {:?}", reply.headers);
        assert_eq!(reply.header("vary"), Some("Origin"), "{from}");
    }
    assert_eq!(origin.heads().len(), 0);
    let lines = world.gateway.lines(12).await;
    let told = |line: &serde_json::Value| {
        (
            line["status"].clone(),
            line["route"].clone(),
            line["reason"].clone(),
        )
    };
    assert_eq!(
        told(&lines[0]),
        (204.into(), "read".into(), serde_json::Value::Null)
    );
    assert_eq!(
        told(&lines[1]),
        (204.into(), "write".into(), serde_json::Value::Null)
    );
    assert_eq!(
        lines[6]["detail"],
        "the page's origin is `https://app.example.com`"
    );
    let counted =
        r#"bearergate_requests_total{outcome="allowed",reason="",route="read",status="2xx"}"#;
    assert_eq!(world.gateway.metric(counted).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_preflight_of_such_a_route_is_an_ordinary_request() {
    let (origin, world) = world().await;
    for (target, method, status) in [
        // No route that says anything of pages takes it.
        ("/orders/1", "POST", 405),
        ("/orders/1", "get", 405),
        ("/orders/1", "CONNECT", 405),
        ("/orders/1", "", 405),
        ("/nowhere", "GET", 404),
        ("/ORDERS/1/", "GET", 404),
        ("/not-for-pages", "GET", 403),
    ] {
        let reply = world.preflight(target, APP, method).await;
        assert_eq!(reply.status, status, "{target} {method}: {}", reply.text());
        assert!(shared(&reply).is_empty(), "{target} {method}");
    }
    assert_eq!(origin.heads().len(), 0);
    // The upstream's own business.
    let request = "OPTIONS /plain HTTP/1.1\r\nHost: a\r\nOrigin: https://x.example\r\nAccess-Control-Request-Method: GET\r\n\r\n";
    let reply = world.gateway.raw("apis", request).await;
    assert_eq!((reply.status, reply.header(SHARING[0])), (200, Some("*")));
    assert_eq!(reply.header("vary"), Some("Accept"));
    // Without the question, or from no page.
    for fields in [
        "",
        "Origin: https://x.example\r\n",
        "Access-Control-Request-Method: GET\r\n",
    ] {
        let request = format!("OPTIONS /every/x HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        assert_eq!(world.gateway.raw("apis", request).await.status, 200);
    }
    assert_eq!(origin.heads().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preflights_are_counted_where_they_come_from() {
    let (origin, world) = world().await;
    for status in [204, 204, 429] {
        let reply = world.preflight_at("door", "/x", APP, "GET").await;
        assert_eq!(reply.status, status);
    }
    assert_eq!(origin.heads().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preflight_by_http_2_is_answered_alike() {
    let (origin, mut world) = world().await;
    world.add("/listeners/door", "protocols: [http1, h2c]");
    let gateway = world.gateway().await;
    let mut caller = client(&gateway, "door").await;
    let ask = |origin: &str| {
        let request = http::Request::options("http://gateway.test/x")
            .header("origin", origin)
            .header("access-control-request-method", "GET");
        request.body(()).unwrap()
    };
    let (answer, _) = caller.send_request(ask(APP), true).unwrap();
    let reply = whole(answer.await.unwrap()).await.unwrap();
    assert_eq!((reply.status, reply.header(SHARING[0])), (204, Some(APP)));
    assert!(reply.body.is_empty());
    let (answer, _) = caller.send_request(ask("null"), true).unwrap();
    let reply = whole(answer.await.unwrap()).await.unwrap();
    assert_eq!(reply.verdict(), is(403, "origin_not_allowed"));
    assert!(shared(&reply).is_empty());
    assert_eq!(origin.heads().len(), 0);
}
