//! Another configuration under a running gateway: what is defined as before lives on, what is new
//! holds from the next request, and what cannot be changed is refused by name.

use bearergate::app::{ReloadError, Reloaded};
use bearergate::fake::Contoso;

use crate::support::{API_KEY, Origin, Setup, World};

const MORE: &str = "{ id: more, listener: apis, match: { path: /more/** }, callers: public, \
                    upstream: { url: $ECHO } }";

async fn world() -> World {
    Setup::of("reload.yaml").ready().await
}

/// Gives the gateway what has become of its configuration.
async fn reload(world: &World) -> Result<Reloaded, ReloadError> {
    world.gateway.reload(world.config()).await
}

async fn ask(world: &World, path: &str) -> u16 {
    let header = if path.starts_with("/calc") {
        let token = world.token().role(Contoso::CALC_ROLE);
        format!("Authorization: Bearer {}", token.mint())
    } else {
        format!("X-Api-Key: {API_KEY}")
    };
    world.gateway.get("apis", path, &[header]).await.status
}

async fn serves(world: &World, paths: &[&str]) {
    for path in paths {
        assert_eq!(ask(world, path).await, 200, "{path}");
    }
}

/// How often keys and tokens were asked for.
fn fetches(world: &World) -> (u64, u64) {
    let issuer = &world.contoso.issuer;
    (issuer.key_fetches(), issuer.token_requests())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_comes_and_goes_with_the_next_request_and_the_rest_lives_on() {
    let mut world = world().await;
    serves(&world, &["/calc/v1/add/1/1", "/mail/x"]).await;
    assert_eq!(ask(&world, "/more/x").await, 404);
    assert_eq!(fetches(&world), (1, 1));

    let before = world.tree.clone();
    world.add("/routes", MORE);
    let told = reload(&world).await.unwrap();
    assert_eq!(told.new, ["routes.more"]);
    assert!(told.gone.is_empty(), "{told:?}");
    for kept in [
        "issuers.contoso",
        "routes.calc",
        "routes.mail",
        "routes.open",
    ] {
        assert!(told.kept.iter().any(|it| it == kept), "{:?}", told.kept);
    }
    serves(&world, &["/more/x", "/calc/v1/add/1/1", "/mail/x"]).await;
    assert_eq!(
        fetches(&world),
        (1, 1),
        "keys and token are those of before"
    );

    world.tree = before;
    let told = reload(&world).await.unwrap();
    assert!(told.new.is_empty(), "{told:?}");
    assert_eq!(told.gone, ["routes.more"]);
    assert_eq!(ask(&world, "/more/x").await, 404);
    let counted =
        "bearergate_requests_total{outcome=\"allowed\",reason=\"\",route=\"calc\",status=\"2xx\"}";
    assert_eq!(world.gateway.metric(counted).await, Some(2.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_defined_otherwise_is_made_anew_and_nothing_else() {
    let paths = ["/calc/v1/add/1/1", "/mail/x"];
    let mut world = world().await;
    serves(&world, &paths).await;
    // The issuer's leeway is its own affair; the routes that name it hang on it.
    world.add("/issuers/contoso", "leeway: 30s");
    let told = reload(&world).await.unwrap();
    assert_eq!(told.new, ["issuers.contoso", "routes.calc"]);
    assert_eq!(told.gone, told.new);
    serves(&world, &paths).await;
    assert_eq!(fetches(&world), (2, 1));

    // What fetches by another client cannot be the same part.
    world.add("/fetch", "timeout: 9s");
    let told = reload(&world).await.unwrap();
    assert!(told.kept.iter().all(|it| !it.starts_with("issuers")));
    serves(&world, &paths).await;
    assert_eq!(fetches(&world), (3, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_ends_on_the_plan_it_began_with() {
    let mut world = world().await;
    let origin = Origin::open().await;
    world.set("/routes/2/upstream/url", &origin.url());
    let told = reload(&world).await.unwrap();
    assert!(told.new.contains(&"routes.open".to_owned()), "{told:?}");
    let mut caller = world.gateway.connect("apis").await;
    caller
        .send("GET /open/x HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();

    let open = world.tree["routes"].as_array_mut().unwrap().pop();
    assert_eq!(open.unwrap()["id"], "open");
    reload(&world).await.unwrap();
    assert_eq!(ask(&world, "/open/x").await, 404);
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok"));
    let line = &world.gateway.lines(2).await[1];
    assert_eq!(line["route"], "open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_a_restart_is_said_by_name_and_changes_nothing() {
    let mut world = world().await;
    let before = world.tree.clone();
    #[rustfmt::skip]
    let rows = [
        ("/listeners/apis", "address: 127.0.0.2:0", "listeners.apis"),
        ("/listeners", "spare: { address: 127.0.0.1:0 }", "listeners.spare"),
        ("/admin", "address: 127.0.0.2:0", "admin"),
        ("", "{ threads: 3, log: { level: warn } }", "log, threads"),
    ];
    for (place, yaml, named) in rows {
        world.add("/routes", MORE);
        world.add(place, yaml);
        let refused = reload(&world).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("only a restart can change {named}")
        );
        assert_eq!(ask(&world, "/more/x").await, 404);
        world.tree.clone_from(&before);
    }
    world.add("/routes", MORE);
    assert!(
        world
            .tree
            .as_object_mut()
            .unwrap()
            .remove("admin")
            .is_some()
    );
    let refused = reload(&world).await.unwrap_err();
    assert_eq!(refused.to_string(), "only a restart can change admin");
    world.tree = before;
    let told = reload(&world).await.unwrap();
    assert_eq!((told.new, told.gone), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_a_listener_but_its_address_changes_under_those_who_are_connected() {
    let mut world = world().await;
    let mut kept = world.gateway.connect("apis").await;
    let request = |length: usize| {
        let path = format!("/open/{}", "x".repeat(length));
        format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
    };
    kept.send(request(300)).await;
    assert_eq!(kept.reply().await.unwrap().status, 200);

    world.add(
        "/listeners/apis",
        "{ trusted_proxies: [127.0.0.0/8], limits: { uri: 256B, body: 4B } }",
    );
    let told = reload(&world).await.unwrap();
    assert_eq!(
        (&told.new[..], &told.gone[..]),
        (&["listeners.apis".to_owned()][..], &told.new[..])
    );
    // Whom to believe counts from the next request on.
    kept.send(request(1)).await;
    assert_eq!(kept.reply().await.unwrap().status, 200);
    assert_eq!(world.gateway.lines(2).await[1]["client"], "192.0.2.7");
    kept.send("POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345")
        .await;
    assert_eq!(kept.reply().await.unwrap().status, 413);
    let mut later = world.gateway.connect("apis").await;
    later.send(request(300)).await;
    assert_eq!(later.reply().await.unwrap().status, 414);

    let listener = world.tree["listeners"]["apis"].as_object_mut().unwrap();
    assert!(listener.remove("trusted_proxies").is_some());
    reload(&world).await.unwrap();
    let mut later = world.gateway.connect("apis").await;
    later.send(request(1)).await;
    assert_eq!(later.reply().await.unwrap().status, 200);
    assert_eq!(world.gateway.lines(5).await[4]["client"], "127.0.0.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_or_secret_that_was_replaced_is_what_counts_from_the_next_request() {
    let world = world().await;
    assert_eq!(ask(&world, "/mail/x").await, 200);
    let write = |name, text| std::fs::write(world.folder().join(name), text).unwrap();
    write("payroll.key", "another-0123456789abcdef0123456789abcdef");
    let told = reload(&world).await.unwrap();
    assert_eq!(told.new, ["routes.mail"]);
    assert_eq!(ask(&world, "/mail/x").await, 401, "the old key is no key");

    write("payroll.key", API_KEY);
    write("mail.secret", "not this application's secret");
    let told = reload(&world).await.unwrap();
    let tokens = "identities.mail-daemon for https://graph.microsoft.com/.default";
    assert_eq!(told.new, [tokens, "routes.mail"]);
    assert_eq!(
        ask(&world, "/mail/x").await,
        502,
        "the old token is not lent"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_made_alive_leaves_no_trace() {
    let mut world = world().await;
    serves(&world, &["/calc/v1/add/1/1"]).await;
    world.add("/issuers/contoso", "leeway: 30s");
    world.add("/routes", MORE);
    let routes = world.tree["routes"].as_array_mut().unwrap();
    routes.rotate_right(1);
    let mut config = world.config();
    config.identities.clear();
    let refused = world.gateway.reload(config).await;
    assert!(
        matches!(refused, Err(ReloadError::Compose(_))),
        "{refused:?}"
    );
    serves(&world, &["/calc/v1/add/1/1"]).await;
    assert_eq!(ask(&world, "/more/x").await, 404);
    assert_eq!(fetches(&world).0, 1, "no issuer was begun");
    let metrics = world.gateway.get_admin("/metrics").await.text();
    assert!(metrics.contains("route=\"calc\""), "{metrics}");
    assert!(!metrics.contains("route=\"more\""), "{metrics}");
}
