//! A method that is another than the request line's, and a client that is another than the socket's.

use crate::support::{API_KEY, Gateway, Reply, Setup, is};

use super::world;

const OVERRIDES: [&str; 6] = [
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X_HTTP_Method",
    "X-Method-Override",
    "X-HTTP-Verb-Override",
    "x.http.verb.override",
];

async fn send(gateway: &Gateway, method: &str, target: &str, lines: &[&str]) -> Reply {
    let lines = lines.join("\r\n");
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {API_KEY}\r\nContent-Length: 2\r\n{lines}\r\n\r\nok"
    );
    gateway.raw("legacy", request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_a_header_makes_of_a_post_does_not_go_on_as_a_create() {
    let world = world().await;
    let before = world.contoso.echo.count();
    for name in OVERRIDES {
        let line = format!("{name}: MERGE");
        let reply = send(&world.gateway, "POST", "/any/x", &[&line]).await;
        assert_eq!(
            reply.verdict(),
            is(403, "method_override_not_allowed"),
            "{name}"
        );
        // Nor where no route takes the method that is named.
        let reader =
            format!("POST /reader HTTP/1.1\r\nHost: a\r\n{line}\r\nContent-Length: 0\r\n\r\n");
        let reply = world.gateway.raw("apis", reader).await;
        assert_eq!(
            reply.verdict(),
            is(403, "method_override_not_allowed"),
            "{name}"
        );
    }
    assert_eq!(
        world.contoso.echo.count(),
        before,
        "something reached the upstream"
    );
    // The method it has is overridden by nothing.
    let reply = send(&world.gateway, "POST", "/any/x", &["X-HTTP-Method: POST"]).await;
    assert_eq!(reply.json()["method"], "POST");
    assert_eq!(world.echoed("x-http-method"), "");
}

/// Two routes to one path, of which one takes overrides.
async fn overriding() -> (crate::support::World, &'static str) {
    let route = |id: &str, methods: &str, more: &str| {
        format!(
            "id: {id}\nlistener: legacy\nmatch: {{ path: /rows/**, methods: [{methods}] }}\n\
             callers: [api_key: {{ id: payroll, key: {{ file: payroll.key }} }}]\n\
             upstream: {{ url: $UPSTREAM }}\n{more}"
        )
    };
    let setup = Setup::of("outbound.yaml")
        .put(
            "/routes",
            &route("change", "POST, MERGE, PATCH", "method_override: true"),
        )
        .put("/routes", &route("remove", "DELETE", ""));
    (setup.start().await, "/rows/1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_takes_overrides_matches_judges_and_forwards_the_method_that_is_named() {
    let (world, target) = overriding().await;
    for (name, value) in [
        ("X-HTTP-Method", "MERGE"),
        ("X-HTTP-Method-Override", "merge"),
        ("X-Method-Override", " MERGE "),
    ] {
        let reply = send(
            &world.gateway,
            "POST",
            target,
            &[&format!("{name}: {value}")],
        )
        .await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["method"], "MERGE", "{name}");
        assert_eq!(world.echoed(&name.to_ascii_lowercase()), "");
        assert_eq!(
            world.gateway.lines(1).await.pop().unwrap()["method"],
            "MERGE"
        );
    }
    let plain = send(&world.gateway, "POST", target, &[]).await;
    assert_eq!(plain.json()["method"], "POST");
    for (method, lines) in [
        // Another route's method, which takes none.
        ("POST", &["X-HTTP-Method: DELETE"][..]),
        ("POST", &["X-HTTP-Method: PUT"]),
        ("POST", &["X-HTTP-Method: HEAD"]),
        ("POST", &["X-HTTP-Method: CONNECT"]),
        ("POST", &["X-HTTP-Method: TRACE"]),
        ("POST", &["X-HTTP-Method: PATCH, MERGE"]),
        ("POST", &["X-HTTP-Method:"]),
        ("POST", &["X-HTTP-Method: PATCH", "X-HTTP-Method: MERGE"]),
        (
            "POST",
            &["X-HTTP-Method: PATCH", "X-Method-Override: MERGE"],
        ),
        ("PATCH", &["X-HTTP-Method: MERGE"]),
        ("GET", &["X-HTTP-Method: MERGE"]),
    ] {
        let reply = send(&world.gateway, method, target, lines).await;
        assert_eq!(
            reply.verdict(),
            is(403, "method_override_not_allowed"),
            "{method} {lines:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_that_tells_of_no_client_opens_no_network() {
    for (entry, status) in [
        ("network: [127.0.0.0/8]", 403),
        ("{ network: [127.0.0.0/8], proxies: true }", 200),
        ("{ network: [10.0.0.0/8], proxies: true }", 403),
    ] {
        let world = Setup::of("guarded.yaml")
            .put("/listeners/apis", "trusted_proxies: [127.0.0.0/8]")
            .put("/routes/1/callers/0", entry)
            .start()
            .await;
        let reply = world.gateway.get("apis", "/inside", &[]).await;
        assert_eq!(reply.status, status, "{entry}");
        // What is no address is no reason to believe the proxy's own.
        let unknown = "X-Forwarded-For: unknown".to_owned();
        let reply = world.gateway.get("apis", "/inside", &[unknown]).await;
        assert_eq!(reply.verdict(), is(403, "network_not_allowed"), "{entry}");
    }
}
