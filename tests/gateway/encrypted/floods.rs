//! Handshakes that are many, slow, or never end: those who are served do not notice.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{refused, setup, world};
use crate::support::{Authority, Connection, Setup, TlsCaller, World, eventually};

async fn limited(limits: &str) -> World {
    let own = Authority::new("authority").server(&["gateway.example"]);
    let setup = setup("{ certificate: own.pem }", &[("own", own.whole())]);
    setup.put("/listeners/apis", limits).start().await
}

async fn open_connections(world: &World) -> f64 {
    let open = "bearergate_connections{listener=\"apis\"}";
    world.gateway.metric(open).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_is_not_ended_in_time_is_given_up() {
    let world = limited("timeouts: { header: 100ms }").await;
    let mut silent = world.gateway.connect("apis").await;
    let mut begun = world.gateway.connect("apis").await;
    begun
        .send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        .await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(begun.rest().await, "");
    assert_eq!(refused(&world.gateway, "tls").await, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_dribbles_has_no_more_time_than_others() {
    let world = limited("timeouts: { header: 300ms }").await;
    let mut dribbling = world.gateway.connect("apis").await;
    // Of a hello of 512 bytes, that nothing is wrong with so far: were each byte to give it more time,
    // it would dribble on.
    let hello = [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        &[0; 400],
    ]
    .concat();
    let mut is_cut = false;
    for byte in hello.chunks(1) {
        dribbling.send_in_vain(byte).await;
        is_cut = dribbling.has_something().await;
        if is_cut {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(is_cut);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_one_handshake_too_many_the_oldest_goes() {
    let world = limited("limits: { handshakes: 3 }").await;
    let address = world.gateway.address("apis");
    let mut silent = Vec::new();
    for count in 1..=3 {
        silent.push(world.gateway.connect("apis").await);
        eventually("it is taken in", async || {
            open_connections(&world).await == f64::from(count)
        })
        .await;
    }
    let mut honest = TlsCaller::default().connect(address).await.unwrap();
    assert!(honest.get("/x").await.is_ok());
    assert_eq!(silent[0].rest().await, "");
    assert_eq!(refused(&world.gateway, "evicted").await, 1.0);
    assert!(!silent[1].has_something().await && !silent[2].has_something().await);
    // Who has shaken hands is none of them any more.
    let mut second = TlsCaller::default().connect(address).await.unwrap();
    assert!(second.get("/x").await.is_ok() && honest.get("/x").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_makes_room_like_one_that_is_idle() {
    let world = limited("limits: { connections: 2, connections_per_address: 2 }").await;
    let address = world.gateway.address("apis");
    let mut silent = world.gateway.connect("apis").await;
    let mut served = TlsCaller::default().connect(address).await.unwrap();
    served.get("/x").await.unwrap();
    let mut third = TlsCaller::default().connect(address).await.unwrap();
    assert_eq!(silent.rest().await, "", "the oldest goes");
    assert!(third.get("/x").await.is_ok());
    assert!(served.get("/x").await.is_ok());
    assert_eq!(refused(&world.gateway, "evicted").await, 1.0);
}

/// Shakes hands again and again and throws the result away.
fn flood(world: &World, many: usize) -> JoinSet<()> {
    let address = world.gateway.address("apis");
    let mut floods = JoinSet::new();
    for _ in 0..many {
        floods.spawn(async move {
            let caller = TlsCaller {
                from: "127.0.0.9",
                ..TlsCaller::default()
            };
            loop {
                let _ = caller.connect(address).await;
            }
        });
    }
    floods
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_handshakes_keeps_neither_others_nor_the_admin_pages_waiting() {
    let own = Authority::new("authority").server(&["gateway.example"]);
    // Who is late on a busy machine is not cut off for it.
    let listener = "{ tls: { certificate: own.pem }, timeouts: { header: 60s } }";
    let world = Setup::open("$ECHO", listener, "")
        .file("own.pem", own.whole())
        .put("/listeners", "clear: { address: '127.0.0.1:0' }")
        .put(
            "/routes",
            "{ id: clear, listener: clear, match: { path: /** }, callers: public, upstream: { url: $ECHO } }",
        )
        .start()
        .await;
    let address = world.gateway.address("apis");
    let mut shaken = TlsCaller::default().connect(address).await.unwrap();
    let mut clear = world.gateway.connect("clear").await;
    let mut floods = flood(&world, 32);
    let series = "bearergate_connections_total{listener=\"apis\"}";
    let before = world.gateway.metric(series).await.unwrap();
    for _ in 0..20 {
        assert!(shaken.get("/x").await.unwrap().contains(" 200 "));
        assert_eq!(over(&mut clear).await, 200);
        assert_eq!(world.gateway.get_admin("/livez").await.status, 200);
    }
    let mut late = TlsCaller::default().connect(address).await.unwrap();
    assert!(
        late.get("/x").await.is_ok(),
        "honest handshakes come through"
    );
    let after = world.gateway.metric(series).await.unwrap();
    assert!(
        after > before,
        "{before} {after}: nobody shook hands meanwhile"
    );
    floods.abort_all();
    while floods.join_next().await.is_some() {}
    let open = async || open_connections(&world).await;
    drop((shaken, late));
    eventually("all are gone", async || open().await == 0.0).await;
}

async fn over(connection: &mut Connection) -> u16 {
    connection
        .send("GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    connection.reply().await.unwrap().status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_idle_connections_keep_nobody_out() {
    let own = Authority::new("authority").server(&["gateway.example"]);
    let world = world("{ certificate: own.pem }", &[("own", own.whole())]).await;
    let address = world.gateway.address("apis");
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut shaking = JoinSet::new();
        for _ in 0..10 {
            let caller = TlsCaller::default();
            shaking.spawn(async move { caller.connect(address).await.unwrap() });
        }
        idle.extend(shaking.join_all().await);
    }
    for _ in 0..5 {
        assert!(TlsCaller::default().get(address, "/x").await.is_ok());
    }
    for connection in &mut idle {
        assert!(connection.get("/x").await.is_ok());
    }
}
