//! How fast: per caller, per address, of a route, of a listener.

use crate::support::{API_KEY, NIGHT_KEY, is};
use bearergate::fake::Contoso;

use super::{LIMITED, bearer, key, says_when, statuses, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_is_held_to_its_rate_and_told_what_is_left() {
    let (origin, world) = world().await;
    let gateway = &world.gateway;
    let calculator = bearer(&world.token().mint());
    let guest = bearer(&world.token().client(Contoso::GUEST_CLIENT).mint());
    let first = gateway.get("apis", "/callers/a", &calculator).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(
        first.header("ratelimit-policy"),
        Some(r#""caller";q=2;w=3600"#)
    );
    let left = first.header("ratelimit").unwrap();
    assert!(left.starts_with(r#""caller";r=1;t="#), "{left}");
    assert_eq!(
        statuses(gateway, "/callers/a", &calculator, 3).await,
        [200, 429, 429]
    );
    let refused = gateway.get("apis", "/callers/b", &calculator).await;
    assert_eq!(refused.verdict(), is(LIMITED.0, LIMITED.1));
    says_when(&refused, r#""caller";q=2;w=3600"#);
    // Others have their own.
    assert_eq!(
        statuses(gateway, "/callers/a", &guest, 3).await,
        [200, 200, 429]
    );
    assert_eq!(
        statuses(gateway, "/callers/a", &key(API_KEY), 3).await,
        [200, 200, 429]
    );
    // The entry's instead of the route's.
    assert_eq!(
        statuses(gateway, "/callers/a", &key(NIGHT_KEY), 2).await,
        [200, 429]
    );
    assert_eq!(origin.heads().len(), 7);
    assert_eq!(gateway.metric("bearergate_limit_buckets").await, Some(4.0));
    let forgotten = gateway.metric("bearergate_limit_buckets_forgotten_total");
    assert_eq!(forgotten.await, Some(0.0));
    let lines = gateway.lines(13).await;
    let refused = lines.iter().find(|line| line["status"] == 429).unwrap();
    assert_eq!(refused["route"], "callers");
    assert_eq!(refused["reason"], "rate_limit");
    assert_eq!(
        refused["principal"],
        format!("app:{}", Contoso::CALC_CLIENT)
    );
    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("the route's limit for a caller is 2/h; one more in 29m"),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_address_is_held_to_its_rate_and_bad_credentials_count() {
    let (origin, world) = world().await;
    let gateway = &world.gateway;
    let from = |address: &str| {
        let mut headers = key("wrong-0123456789abcdef0123456789abcdef");
        headers.push(format!("X-Forwarded-For: {address}"));
        headers
    };
    assert_eq!(
        statuses(gateway, "/addresses/a", &from("192.0.2.1"), 4).await,
        [401, 401, 429, 429]
    );
    let mut genuine = key(API_KEY);
    genuine.push("X-Forwarded-For: 192.0.2.1".to_owned());
    let refused = gateway.get("apis", "/addresses/b", &genuine).await;
    says_when(&refused, r#""address";q=2;w=3600"#);
    assert_eq!(origin.heads().len(), 0);
    genuine[1] = "X-Forwarded-For: 192.0.2.2".to_owned();
    assert_eq!(
        statuses(gateway, "/addresses/a", &genuine, 3).await,
        [200, 200, 429]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_together_are_held_to_the_routes_and_who_does_too_much_takes_nothing_from_others() {
    let (origin, world) = world().await;
    let gateway = &world.gateway;
    let calculator = bearer(&world.token().mint());
    assert_eq!(
        statuses(gateway, "/whole", &calculator, 9).await[1..4],
        [200, 429, 429]
    );
    // Who is not let in takes nothing either.
    assert_eq!(statuses(gateway, "/whole", &[], 5).await, [401; 5]);
    // Of three that may come at once, one is left.
    assert_eq!(
        gateway.get("apis", "/whole", &key(API_KEY)).await.status,
        200
    );
    let refused = gateway.get("apis", "/whole", &key(API_KEY)).await;
    says_when(&refused, r#""route";q=3;w=1800"#);
    assert_eq!(origin.heads().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_holds_each_address_to_its_rate_whatever_is_asked() {
    let (origin, world) = world().await;
    let gateway = &world.gateway;
    for (target, status) in [
        ("/open/a", 200),
        ("/kept", 401),
        ("/nowhere", 404),
        ("/open/b", 429),
        ("/nowhere", 429),
    ] {
        let reply = gateway.get("door", target, &[]).await;
        assert_eq!(reply.status, status, "{target}");
        assert_eq!(
            reply.header("ratelimit-policy").is_some(),
            status == 429,
            "{target}"
        );
    }
    let refused = gateway.get("door", "/open/c", &[]).await;
    says_when(&refused, r#""listener";q=3;w=3600"#);
    assert_eq!(origin.heads().len(), 1);
    // Another listener is another matter.
    assert_eq!(gateway.get("apis", "/few/a", &[]).await.status, 200);
    let lines = gateway.lines(7).await;
    let line = lines.iter().find(|line| line["status"] == 429).unwrap();
    assert!(line["route"].is_null(), "{line}");
    assert!(
        line["detail"]
            .as_str()
            .unwrap()
            .starts_with("the listener's limit for an address is 3/h")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_configuration_counts_on() {
    let (_origin, mut world) = world().await;
    let calculator = bearer(&world.token().mint());
    assert_eq!(
        statuses(&world.gateway, "/callers/a", &calculator, 3).await,
        [200, 200, 429]
    );
    let at_door = async |world: &crate::support::World| {
        world.gateway.get("door", "/open/a", &[]).await.status
    };
    for status in [200, 200, 200, 429] {
        assert_eq!(at_door(&world).await, status);
    }
    // The route is another one, its limit is not.
    world.add("/routes/0", "timeouts: { request: 30s }");
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(
        statuses(&world.gateway, "/callers/a", &calculator, 2).await,
        [429, 429]
    );
    assert_eq!(at_door(&world).await, 429);
    // Another limit counts from now on, and gone is gone.
    world.add("/routes/0/limits", "per_caller: { rate: 1/h, burst: 3 }");
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(
        statuses(&world.gateway, "/callers/a", &calculator, 4).await,
        [200, 200, 200, 429]
    );
    world.set("/routes/0/limits", "{}");
    world.add("/listeners/door", "limits: {}");
    world.gateway.reload(world.config()).await.unwrap();
    assert_eq!(
        statuses(&world.gateway, "/callers/a", &calculator, 5).await,
        [200; 5]
    );
    assert_eq!(at_door(&world).await, 200);
}
