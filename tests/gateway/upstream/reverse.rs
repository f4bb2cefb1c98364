//! What an upstream is told of the way that a request came, and what of its own address goes back.

use crate::support::{API_KEY, GRAPH, Origin, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stripped_and_what_a_trusted_proxy_says_of_its_way_is_told() {
    let upstream = Origin::open().await.answering(|_| super::OK.to_owned());
    for (proxies, target, sent, prefix, port) in [
        // A trusted one's word goes on, and ours comes behind it.
        (
            "[127.0.0.0/8]",
            "/orders/1",
            "/outer",
            Some("/outer/orders"),
            Some("8443"),
        ),
        (
            "[127.0.0.0/8]",
            "/orders/1",
            "/outer/",
            Some("/outer/orders"),
            Some("8443"),
        ),
        (
            "[127.0.0.0/8]",
            "/orders/1",
            "/a/../b",
            Some("/orders"),
            Some("8443"),
        ),
        (
            "[127.0.0.0/8]",
            "/orders/1",
            "https://evil.example",
            Some("/orders"),
            Some("8443"),
        ),
        (
            "[127.0.0.0/8]",
            "/orders/1",
            "//evil.example",
            Some("/orders"),
            Some("8443"),
        ),
        (
            "[127.0.0.0/8]",
            "/plain",
            "/outer",
            Some("/outer"),
            Some("8443"),
        ),
        // Nobody else's does.
        ("[]", "/orders/1", "/outer", Some("/orders"), None),
        ("[]", "/plain", "/outer", None, None),
    ] {
        let stripping = "id: orders\nlistener: apis\nmatch: { path: /orders/** }\ncallers: public\n\
                         upstream: { url: $UPSTREAM, strip_prefix: /orders }";
        let listener = format!("trusted_proxies: {proxies}");
        let setup = Setup::open(&upstream.url, &listener, "").put("/routes", stripping);
        let gateway = setup.gateway().await;
        let lines = [
            format!("X-Forwarded-Prefix: {sent}"),
            "X-Forwarded-Port: 8443".to_owned(),
            "X-Forwarded-Scheme: https".to_owned(),
        ];
        assert_eq!(gateway.get("apis", target, &lines).await.status, 200);
        let head = upstream.heads().pop().unwrap().1;
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        assert_eq!(
            field("x-forwarded-prefix").as_deref(),
            prefix,
            "{target} {sent}"
        );
        assert_eq!(
            field("x-forwarded-port").as_deref(),
            port,
            "{target} {sent}"
        );
        assert_eq!(field("x-forwarded-scheme"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstreams_own_address_in_location_becomes_ours_where_that_is_asked_for() {
    let upstream = Origin::open().await.answering(|head| {
        let target = head.split(' ').nth(1).unwrap();
        let location = target.split_once("to=").unwrap().1;
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
    });
    let token = format!("token: {{ identity: mail, scope: {GRAPH}, allow_host_mismatch: true }}");
    let to = |more: &str| format!("url: {}{more}", upstream.url);
    let world = Setup::of("outbound.yaml")
        .put("/listeners/legacy", "trusted_proxies: [127.0.0.0/8]")
        .plain("rewritten", &to("/base, rewrite_location: true"), &token)
        .plain("plain", &to(", rewrite_location: true"), "")
        .plain("left", &to("/base"), "")
        .start()
        .await;
    let own = &upstream.url;
    let below = format!("{own}/base/a?b=c");
    let beside = format!("{own}/other");
    let named = format!("{own}//evil.example/");
    for (route, prefix, location, expected) in [
        ("rewritten", "", &*below, "/rewritten/a?b=c"),
        ("rewritten", "/outer", &below, "/outer/rewritten/a?b=c"),
        ("rewritten", "", "/base/a", "/rewritten/a"),
        // What is elsewhere stays where it is.
        ("rewritten", "", &beside, &beside),
        (
            "rewritten",
            "",
            "https://login.example/a",
            "https://login.example/a",
        ),
        ("plain", "", &beside, "/plain/other"),
        ("plain", "", &named, "/plain//evil.example/"),
        ("left", "", &below, &below),
    ] {
        let lines = [
            format!("X-Api-Key: {API_KEY}"),
            format!("X-Forwarded-Prefix: {prefix}"),
        ];
        let target = format!("/{route}/x?to={location}");
        let reply = world.gateway.get("legacy", &target, &lines).await;
        assert_eq!(
            reply.header("location"),
            Some(expected),
            "{route} {location}"
        );
    }
}
