//! What pages of listed origins can read and do, and that no other can.

use openssl::base64::encode_block;

use crate::support::{API_KEY, Reply, is};

use super::{ADMIN, APP, SHARING, key, shared, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowed_page_can_read_answers_and_errors() {
    let (_origin, world) = world().await;
    let own = |reply: &Reply| {
        assert_eq!(reply.header(SHARING[0]), Some(APP), "{}", reply.text());
        assert_eq!(reply.header(SHARING[1]), Some("true"));
        let exposed = reply.header(SHARING[4]).unwrap();
        for name in [
            "x-request-id",
            "www-authenticate",
            "retry-after",
            "ratelimit",
            "x-total",
        ] {
            assert!(exposed.split(", ").any(|known| known == name), "{exposed}");
        }
        assert!(reply.all("vary").contains(&"Origin"));
        reply.status
    };
    let reply = world.page("/orders/1", APP, &world.bearer()).await;
    assert_eq!(own(&reply), 200);
    assert_eq!(reply.all("vary"), ["Accept", "Origin"]);
    let stranger = vec![format!("Authorization: Bearer {}", world.token().mint())];
    assert_eq!(own(&world.page("/orders/1", APP, &stranger).await), 403);
    assert_eq!(own(&world.page("/orders/1", APP, &[]).await), 401);
    let wrong = vec!["X-Api-Key: wrong-0123456789abcdef0123456789abcdef".to_owned()];
    assert_eq!(
        own(&world
            .page("/orders/1", "http://localhost:3000", &wrong)
            .await
            .also(SHARING[0], APP)),
        401
    );
    // The limit of the other route.
    let put = |origin: &str| {
        format!(
            "PUT /orders/1 HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\nContent-Length: 0\r\n{}\r\n\r\n",
            key()[0]
        )
    };
    for status in [200, 429] {
        let reply = world.gateway.raw("apis", put(ADMIN)).await;
        assert_eq!(
            (reply.status, reply.header(SHARING[0])),
            (status, Some(ADMIN))
        );
        assert_eq!(reply.header(SHARING[1]), None);
    }
    // Whoever is no page gets no more than the warning to caches.
    let reply = world.gateway.get("apis", "/orders/1", &key()).await;
    assert_eq!(reply.status, 200);
    assert!(shared(&reply).is_empty());
    assert_eq!(reply.all("vary"), ["Accept", "Origin"]);
    let reply = world.gateway.get("apis", "/orders/1", &[]).await;
    assert_eq!((reply.status, reply.header("vary")), (401, Some("Origin")));
    let reply = world.page("/every/x", "null", &[]).await;
    assert_eq!((reply.status, reply.header(SHARING[0])), (200, Some("*")));
    assert_eq!(
        reply.header(SHARING[1]),
        None,
        "the upstream says otherwise"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_may_not_is_refused_before_anything_is_sent_on() {
    let (origin, world) = world().await;
    for from in [
        "null",
        "",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "https://APP.EXAMPLE.COM",
        "https://app.example.com.evil.example",
        "https://evilapp.example.com",
        "https://evil.example?https://app.example.com",
        "https://app.example.com https://evil.example",
        "https://gateway.test",
        "https://app.example.com\r\nOrigin: https://evil.example",
        "https://app.example.com\r\nOrigin: https://app.example.com",
    ] {
        for target in ["/orders/1", "/ours/x"] {
            let reply = world.page(target, from, &world.bearer()).await;
            assert_eq!(
                reply.verdict(),
                is(403, "origin_not_allowed"),
                "{target} {from}"
            );
            assert!(shared(&reply).is_empty(), "{from}");
        }
    }
    // A WebSocket asks nobody first.
    let socket = format!(
        "GET /orders/1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: https://evil.example\r\n{}\r\n\r\n",
        key()[0]
    );
    assert_eq!(
        world.gateway.raw("apis", socket).await.verdict(),
        is(403, "origin_not_allowed")
    );
    assert_eq!(origin.heads().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_our_token_a_page_acts_by_what_it_brings_and_not_by_what_its_browser_adds() {
    let (origin, world) = world().await;
    let basic = format!(
        "Authorization: Basic {}",
        encode_block(format!("payroll:{API_KEY}").as_bytes())
    );
    for (what, headers, status, reason) in [
        ("a token", world.bearer(), 200, ""),
        ("a key", key(), 200, ""),
        ("Basic", vec![basic.clone()], 403, "browser_not_allowed"),
        (
            "Basic beside a key",
            [key(), vec![basic.clone()]].concat(),
            403,
            "browser_not_allowed",
        ),
        (
            "another scheme",
            vec!["Authorization: Negotiate abc".to_owned()],
            403,
            "browser_not_allowed",
        ),
        (
            "two of them",
            [world.bearer(), vec![basic]].concat(),
            403,
            "browser_not_allowed",
        ),
        ("nothing", vec![], 401, "no_credential"),
    ] {
        let reply = world.page("/ours/x", APP, &headers).await;
        assert_eq!(reply.verdict(), is(status, reason), "{what}");
        assert_eq!(reply.header(SHARING[0]), Some(APP), "{what}");
    }
    let heads = origin.heads();
    assert_eq!(heads.len(), 2);
    for (_, head) in heads {
        let head = head.to_ascii_lowercase();
        assert!(
            !head.contains("origin:") && !head.contains("sec-fetch"),
            "{head}"
        );
    }
    // Where no page is named, none may; and a page that does not say who it is may nowhere.
    for (target, fields) in [
        ("/not-for-pages", format!("Origin: {APP}")),
        ("/not-for-pages", "Sec-Fetch-Site: same-origin".to_owned()),
        ("/ours/x", "Sec-Fetch-Site: cross-site".to_owned()),
        ("/ours/x", "Sec-Fetch-Site: same-origin".to_owned()),
    ] {
        let headers = [key(), vec![fields]].concat();
        let reply = world.gateway.get("apis", target, &headers).await;
        assert_eq!(reply.verdict(), is(403, "browser_not_allowed"), "{target}");
        assert_eq!(reply.header(SHARING[0]), None);
    }
    assert_eq!(origin.heads().len(), 2);
}

impl Reply {
    /// With one more value in the place of the first of a field.
    fn also(mut self, name: &str, value: &str) -> Self {
        let field = self.headers.iter_mut().find(|(known, _)| known == name);
        assert_eq!(field.as_ref().unwrap().1, "http://localhost:3000");
        field.unwrap().1 = value.to_owned();
        self
    }
}
