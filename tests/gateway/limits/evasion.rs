//! Ways past a limit: other names for oneself, other spellings of what is asked for, many addresses.

use crate::support::{API_KEY, World};
use bearergate::fake::Contoso;
use openssl::base64::encode_block;

use super::{bearer, key, statuses, world};

/// Uses a limit up as `own` does, and then tries to go on as each of the others.
async fn is_still_limited(
    world: &World,
    target: &str,
    own: &[String],
    others: &[(&str, &str, Vec<String>)],
) {
    assert_eq!(
        statuses(&world.gateway, target, own, 3).await,
        [200, 200, 429]
    );
    for (what, target, headers) in others {
        let reply = world.gateway.get("apis", target, headers).await;
        assert_eq!(reply.status, 429, "{what}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_token_another_connection_and_another_spelling_are_the_same_caller() {
    let (origin, world) = world().await;
    let own = || world.token();
    let with = |header: &str| {
        let mut headers = bearer(&own().mint());
        headers.push(header.to_owned());
        headers
    };
    let target = "/callers/a";
    #[rustfmt::skip]
    let others = [
        ("a new token", target, bearer(&own().mint())),
        ("a token with other claims", target, bearer(&own().role("Other").claim("azpacr", "2").mint())),
        ("a v1 token", target, bearer(&own().v1().mint())),
        ("another path", "/callers/b/c", bearer(&own().mint())),
        ("another query", "/callers/a?x=1", bearer(&own().mint())),
        ("another scheme's case", target, vec![format!("authorization: bEARER {}", own().mint())]),
        ("another client", target, with("X-Forwarded-For: 192.0.2.9")),
        ("two clients", target, with("X-Forwarded-For: 192.0.2.9, 192.0.2.10")),
        ("another name", target, with("X-Client-Id: other")),
        ("another host", target, with("X-Forwarded-Host: other.example")),
        ("another method", target, with("X-HTTP-Method-Override: GET")),
    ];
    is_still_limited(&world, target, &bearer(&own().mint()), &others).await;
    let post = format!(
        "POST /callers/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{}\r\n\r\n",
        bearer(&own().mint())[0]
    );
    assert_eq!(world.gateway.raw("apis", &post).await.status, 429);
    let head = post.replacen("POST", "HEAD", 1);
    let mut connection = world.gateway.connect("apis").await;
    connection.send(&head).await;
    assert!(
        connection
            .head()
            .await
            .unwrap()
            .starts_with("HTTP/1.1 429 ")
    );
    assert_eq!(origin.heads().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_one_caller_however_it_comes() {
    let (_origin, world) = world().await;
    let basic = format!(
        "Authorization: Basic {}",
        encode_block(format!("payroll:{API_KEY}").as_bytes())
    );
    let others = [("as Basic", "/callers/a", vec![basic])];
    is_still_limited(&world, "/callers/a", &key(API_KEY), &others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_one_caller_by_whatever_application() {
    let (_origin, world) = world().await;
    let user = |client: &str| {
        let token = world
            .token()
            .client(client)
            .user("ann@contoso.example")
            .scope("Read");
        bearer(&token.mint())
    };
    let others = [(
        "another application",
        "/callers/a",
        user(Contoso::GUEST_CLIENT),
    )];
    is_still_limited(&world, "/callers/a", &user(Contoso::CALC_CLIENT), &others).await;
    // The application itself is somebody else.
    assert_eq!(
        statuses(
            &world.gateway,
            "/callers/a",
            &bearer(&world.token().mint()),
            1
        )
        .await,
        [200]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_in_one_network_of_ipv6_is_the_same_address() {
    let (_origin, world) = world().await;
    let from = |address: &str| vec![format!("X-Forwarded-For: {address}")];
    for target in ["/near", "/addresses/a"] {
        let own = from("2001:db8:1:2::1");
        let passes = match target {
            "/near" => [200, 200, 429],
            _ => [401, 401, 429],
        };
        assert_eq!(statuses(&world.gateway, target, &own, 3).await, passes);
        for other in [
            "2001:db8:1:2::2",
            "2001:DB8:1:2:ffff:ffff:ffff:ffff",
            "[2001:db8:1:2::3]:4711",
            "192.0.2.1, 2001:db8:1:2::4",
        ] {
            assert_eq!(
                statuses(&world.gateway, target, &from(other), 1).await,
                [429],
                "{target} {other}"
            );
        }
        let others = statuses(&world.gateway, target, &from("2001:db8:1:3::1"), 1).await;
        assert_eq!(others, passes[..1], "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_no_proxy_names_is_counted_all_the_same() {
    let (_origin, world) = world().await;
    let lines = ["nonsense", "192.0.2.1, nonsense", "_hidden", "unknown", ""];
    let mut passed = 0;
    for line in lines {
        let mut headers = key(API_KEY);
        headers.push(format!("X-Forwarded-For: {line}"));
        let statuses = statuses(&world.gateway, "/addresses/a", &headers, 2).await;
        passed += statuses.iter().filter(|status| **status == 200).count();
    }
    let plain = statuses(&world.gateway, "/addresses/a", &key(API_KEY), 2).await;
    assert_eq!((passed, plain), (2, vec![429, 429]), "all of them are one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_a_stranger_writes_is_not_read() {
    let (_origin, world) = world().await;
    for number in 0..6 {
        let header = format!("X-Forwarded-For: 192.0.2.{number}");
        let reply = world.gateway.get("door", "/open/a", &[header]).await;
        assert_eq!(reply.status, if number < 3 { 200 } else { 429 });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_spelling_does_not_lead_past_a_limit_by_a_broader_route() {
    let (_origin, mut world) = world().await;
    let broad = "{ id: broad, listener: apis, match: { path: /** }, callers: public, upstream: { url: $UPSTREAM } }";
    let strict = "{ id: strict, listener: apis, match: { path: /strict }, callers: public, upstream: { url: $UPSTREAM }, limits: { rate: 1/h } }";
    world.add("/routes", broad);
    world.add("/routes", strict);
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(
        statuses(&world.gateway, "/strict", &[], 2).await,
        [200, 429]
    );
    for target in ["/STRICT", "/strict/", "/strict%20", "/%73trict", "/strict."] {
        let status = world.gateway.get("apis", target, &[]).await.status;
        assert!([404, 429, 400].contains(&status), "{target}: {status}");
    }
    assert_eq!(statuses(&world.gateway, "/other", &[], 3).await, [200; 3]);
}
