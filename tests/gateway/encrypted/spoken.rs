//! Versions, protocols, and that what went in comes out.

use openssl::ssl::SslVersion;

use super::{plain_world, reached, refused, world};
use crate::support::{Authority, Setup, TlsCaller, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_from_1_2_up_or_from_1_3_where_that_is_said() {
    for (minimum, spoken) in [("1.2", [false, true, true]), ("1.3", [false, false, true])] {
        let shown = Authority::new("authority").server(&["gateway.example"]);
        let tls = format!("{{ certificate: own.pem, minimum: {minimum} }}");
        let world = world(&tls, &[("own", shown.whole())]).await;
        let address = world.gateway.address("apis");
        let versions = [SslVersion::TLS1_1, SslVersion::TLS1_2, SslVersion::TLS1_3];
        for (version, is_spoken) in versions.into_iter().zip(spoken) {
            let answer = TlsCaller::default().only(version).get(address, "/x").await;
            assert_eq!(answer.is_ok(), is_spoken, "{version:?}: {answer:?}");
            assert!(answer.is_ok_and(|text| text.starts_with("HTTP/1.1 200 ")) == is_spoken);
        }
        let refusals = spoken.iter().filter(|is_spoken| !**is_spoken).count();
        assert_eq!(refused(&world.gateway, "tls").await, refusals as f64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protocols_are_agreed_on_and_who_offers_only_others_is_told() {
    let world = plain_world().await;
    let address = world.gateway.address("apis");
    for (protocols, agreed) in [
        (&b""[..], Some(None)),
        (b"\x08http/1.1", Some(Some(&b"http/1.1"[..]))),
        (b"\x08http/1.0\x08http/1.1", Some(Some(b"http/1.1"))),
        (b"\x08http/1.0", None),
        (b"\x06spdy/3", None),
    ] {
        let caller = TlsCaller {
            protocols,
            ..TlsCaller::default()
        };
        let shaken = caller.connect(address).await;
        match (shaken, agreed) {
            (Ok(mut connection), Some(agreed)) => {
                assert_eq!(connection.protocol(), agreed);
                assert!(connection.get("/x").await.unwrap().contains(" 200 "));
            }
            (Err(why), None) => assert!(why.contains("no application protocol"), "{why}"),
            (shaken, _) => panic!("{protocols:?}: {:?}", shaken.map(|_| ())),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_upstream_hears_how_the_caller_came() {
    let world = plain_world().await;
    let address = world.gateway.address("apis");
    TlsCaller::default().get(address, "/x").await.unwrap();
    assert_eq!(world.echoed("x-forwarded-proto"), "https");
    let mut connection = TlsCaller::default().connect(address).await.unwrap();
    let lying = "GET /x HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-Proto: http\r\n\r\n";
    connection.send(lying.as_bytes()).await.unwrap();
    connection.get("/y").await.unwrap();
    assert_eq!(world.echoed("x-forwarded-proto"), "https");

    let open = Setup::open("$ECHO", "{}", "").start().await;
    open.gateway.get("apis", "/x", &[]).await;
    assert_eq!(open.echoed("x-forwarded-proto"), "http");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_tls_reaches_nobody() {
    let world = plain_world().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x80\x2e\x01\x00\x02",
        b"\x16\x03\x01\xff\xff\x01",
        &[0; 512],
    ] {
        let mut connection = world.gateway.connect("apis").await;
        connection.send(bytes).await;
        // A record that was begun is waited for no longer than its caller stays.
        let _ = connection.has_something().await;
        drop(connection);
    }
    eventually("each is counted", async || {
        refused(&world.gateway, "tls").await == 5.0
    })
    .await;
    assert!(!reached(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_come_whole_both_ways_and_the_end_is_taken_leave_for() {
    let world = plain_world().await;
    let mut connection = TlsCaller::default()
        .connect(world.gateway.address("apis"))
        .await
        .unwrap();
    let body: Vec<u8> = (0..1_000_000_u32).map(|it| (it % 251) as u8).collect();
    let head = format!(
        "POST /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.send(head.as_bytes()).await.unwrap();
    connection.send(&body).await.unwrap();
    let (answer, said_goodbye) = connection.rest().await;
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert!(said_goodbye, "else it could have been cut");
    let last = world.contoso.echo.last().unwrap();
    assert!(last.body.kept == body, "{} bytes", last.body.kept.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_pages_are_served_over_tls_too_and_no_longer_in_clear() {
    let shown = Authority::new("authority").server(&["localhost"]);
    let world = Setup::open("$ECHO", "{}", "")
        .file("own.pem", shown.whole())
        .put("/admin", "tls: { certificate: own.pem }")
        .start()
        .await;
    let address = world.gateway.address("admin");
    let mut connection = TlsCaller::called("localhost")
        .connect(address)
        .await
        .unwrap();
    let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    connection.send(request.as_bytes()).await.unwrap();
    let (answer, _) = connection.rest().await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("alive\n"),
        "{answer}"
    );
    let mut clear = world.gateway.connect("admin").await;
    clear.send(request).await;
    assert!(!clear.rest().await.contains("alive"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_drains_waits_for_requests_and_not_for_handshakes() {
    let mut world = plain_world().await;
    let address = world.gateway.address("apis");
    let mut silent = world.gateway.connect("apis").await;
    let mut half = world.gateway.connect("apis").await;
    half.send(b"\x16\x03\x01\x02\x00\x01").await;
    let idle = TlsCaller::default().connect(address).await.unwrap();
    // Whom it waits for until its grace is over, it counts.
    assert_eq!(world.gateway.drain().await, 0);
    assert_eq!(silent.rest().await, "");
    assert_eq!(half.rest().await, "");
    drop(idle);
}
