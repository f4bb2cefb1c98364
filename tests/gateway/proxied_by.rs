//! The PROXY protocol: who is trusted says for whom it speaks, and nobody else is heard. And how many
//! requests a connection may have.

use std::net::SocketAddr;

use bearergate::config::Config;
use tokio::net::TcpSocket;

use crate::support::{Authority, Connection, Gateway, Reply, Setup, TlsCaller, World};

const PROXY: &str = "127.0.0.2";
const TRUSTING: &str = "{ trusted_proxies: [127.0.0.2/32], proxy_protocol: true }";
const GET: &str = "GET /x HTTP/1.1\r\nHost: a.example\r\n";

async fn world(listener: &str) -> World {
    Setup::open("$ECHO", listener, "").start().await
}

async fn from(own: &str, to: SocketAddr) -> Connection {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::new(own.parse().unwrap(), 0))
        .unwrap();
    Connection::over(socket.connect(to).await.unwrap())
}

/// One request of this peer's, behind these bytes; `None` where the connection ended without an answer.
async fn ask(world: &World, own: &str, before: &[u8], fields: &str) -> Option<Reply> {
    let mut connection = from(own, world.gateway.address("apis")).await;
    let request = format!("{GET}{fields}\r\n");
    connection.send([before, request.as_bytes()].concat()).await;
    connection.reply().await
}

async fn refused(gateway: &Gateway, cause: &str) -> f64 {
    let name = "bearergate_connections_refused_total";
    let series = format!("{name}{{cause=\"{cause}\",listener=\"apis\"}}");
    gateway.metric(&series).await.unwrap()
}

fn two(client: [u8; 4]) -> Vec<u8> {
    let [a, b, c, d] = client;
    let addresses = [a, b, c, d, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];
    let signature = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    [&signature[..], &addresses].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_is_whom_a_trusted_proxy_names_first() {
    let world = world(TRUSTING).await;
    let named = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n".to_vec();
    for header in [named.clone(), two([192, 0, 2, 7])] {
        let lying = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
        let reply = ask(&world, PROXY, &header, lying).await.unwrap();
        assert_eq!(reply.status, 200);
        // It is the client's word now, and nobody's whom we trust.
        assert_eq!(world.echoed("x-forwarded-for"), "192.0.2.7");
        assert_eq!(world.echoed("x-forwarded-proto"), "http");
    }
    let line = world.gateway.lines(2).await.pop().unwrap();
    assert!(line.to_string().contains("192.0.2.7"), "{line}");
    // A proxy that speaks for itself, as its health checks do.
    let local = [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[0x20, 0, 0, 0]].concat();
    let own = ask(&world, PROXY, &local, "").await.unwrap();
    assert_eq!(own.status, 200);
    assert_eq!(world.echoed("x-forwarded-for"), PROXY);
    // One that does not know for whom it speaks: what follows is not its own word.
    let lying = "X-Forwarded-For: 203.0.113.9\r\n";
    let unknown = ask(&world, PROXY, b"PROXY UNKNOWN\r\n", lying)
        .await
        .unwrap();
    assert_eq!(unknown.status, 200);
    assert_eq!(world.echoed("x-forwarded-for"), "unknown");
    // A proxy behind a proxy: the inner one is trusted with what it says itself.
    let inner = b"PROXY TCP4 127.0.0.2 10.0.0.1 4711 443\r\n";
    let told = "X-Forwarded-For: 203.0.113.9\r\n";
    ask(&world, PROXY, inner, told).await.unwrap();
    assert_eq!(world.echoed("x-forwarded-for"), "203.0.113.9, 127.0.0.2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_heard_and_who_is_trusted_must_say_it() {
    let world = world(TRUSTING).await;
    let named = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
    for (own, header) in [
        ("127.0.0.3", &named[..]),
        ("127.0.0.3", &two([192, 0, 2, 7])),
        (PROXY, b""),
        (PROXY, b"PROXY TCP4 192.0.2.7 10.0.0.1 4711\r\n"),
        (PROXY, b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\n"),
        (PROXY, &[&named[..], named].concat()),
    ] {
        let reply = ask(&world, own, header, "").await;
        assert!(reply.is_none_or(|reply| reply.status == 400), "{own}");
        assert!(world.contoso.echo.last().is_none(), "{own}");
    }
    assert_eq!(refused(&world.gateway, "proxy_protocol").await, 3.0);
    assert_eq!(ask(&world, "127.0.0.3", b"", "").await.unwrap().status, 200);
    assert_eq!(world.echoed("x-forwarded-for"), "127.0.0.3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_key_it_is_heard_from_nobody() {
    let world = world("{ trusted_proxies: [127.0.0.2/32] }").await;
    let named = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
    let reply = ask(&world, PROXY, named, "").await.unwrap();
    assert_eq!(reply.status, 400);
    assert!(world.contoso.echo.last().is_none());
    let text = Setup::open("$ECHO", "{ proxy_protocol: true }", "").text();
    let told = Config::parse(&text, "x.yaml", world.folder()).unwrap_err();
    let told = told.to_string();
    assert!(
        told.contains("is for `trusted_proxies`, and there is none"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_says_it_is_given_up_and_makes_room() {
    let listener =
        "{ trusted_proxies: [127.0.0.2/32], proxy_protocol: true, timeouts: { header: 200ms } }";
    let world = world(listener).await;
    let address = world.gateway.address("apis");
    let mut silent = from(PROXY, address).await;
    let mut half = from(PROXY, address).await;
    half.send("PROXY TCP4 192.0.2.7").await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(half.rest().await, "");
    assert_eq!(refused(&world.gateway, "proxy_protocol").await, 2.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clients_connections_are_its_own_whichever_proxy_they_come_by() {
    let listener = "{ trusted_proxies: [127.0.0.2/32], proxy_protocol: true, \
                    limits: { connections: 10, connections_per_address: 2 } }";
    let world = world(listener).await;
    let address = world.gateway.address("apis");
    let mut connections = Vec::new();
    for number in 0..4 {
        let client = if number == 1 { 8 } else { 7 };
        let mut connection = from(PROXY, address).await;
        connection.send(two([192, 0, 2, client])).await;
        connection.send(format!("{GET}\r\n")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
        connections.push(connection);
    }
    // Of the three of one client, the one that was idle for longest went.
    assert_eq!(connections[0].rest().await, "");
    assert_eq!(refused(&world.gateway, "evicted").await, 1.0);
    for connection in &mut connections[1..] {
        connection.send(format!("{GET}\r\n")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
    }
    drop(connections);
    let open = "bearergate_connections{listener=\"apis\"}";
    crate::support::eventually("all are gone", async || {
        world.gateway.metric(open).await == Some(0.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_it_comes_tls_where_the_listener_has_it() {
    let own = Authority::new("authority").server(&["gateway.example"]);
    let listener =
        "{ trusted_proxies: [127.0.0.2/32], proxy_protocol: true, tls: { certificate: own.pem } }";
    let world = Setup::open("$ECHO", listener, "")
        .file("own.pem", own.whole())
        .start()
        .await;
    let address = world.gateway.address("apis");
    let caller = TlsCaller {
        from: PROXY,
        before: b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n",
        ..TlsCaller::default()
    };
    assert!(caller.get(address, "/x").await.unwrap().contains(" 200 "));
    assert_eq!(world.echoed("x-forwarded-for"), "192.0.2.7");
    assert_eq!(world.echoed("x-forwarded-proto"), "https");
    let mute = TlsCaller {
        before: b"",
        ..caller
    };
    assert!(mute.get(address, "/x").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_with_the_last_request_it_may_have() {
    let world = world("limits: { requests_per_connection: 3 }").await;
    let mut connection = world.gateway.connect("apis").await;
    for number in 1..=3 {
        connection.send(format!("{GET}\r\n")).await;
        let reply = connection.reply().await.unwrap();
        assert_eq!(reply.status, 200);
        let closes = reply.header("connection") == Some("close");
        assert_eq!(closes, number == 3, "{number}");
    }
    assert_eq!(connection.rest().await, "");
    let mut next = world.gateway.connect("apis").await;
    next.send(format!("{GET}\r\n")).await;
    assert_eq!(next.reply().await.unwrap().status, 200);
}
