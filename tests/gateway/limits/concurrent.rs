//! How many at a time, and what gives a place back.

use crate::support::{Connection, Gateway, Origin, Setup, eventually, is};

const GET: &str = "GET /few/a HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An upstream that answers when it is told, and a gateway that lets two in at a time.
async fn world() -> (Origin, Gateway) {
    let origin = Origin::open().await;
    let gateway = Setup::of("limits.yaml")
        .fill("UPSTREAM", origin.url())
        .gateway()
        .await;
    (origin, gateway)
}

/// A request that its upstream has and has not answered.
async fn under_way(origin: &Origin, gateway: &Gateway, request: &str) -> (Connection, Connection) {
    let mut caller = gateway.connect("apis").await;
    caller.send(request).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    (caller, upstream)
}

async fn is_full(gateway: &Gateway) -> bool {
    let reply = gateway.get("apis", "/few/b", &[]).await;
    if reply.status != 429 {
        return false;
    }
    assert_eq!(reply.verdict(), is(429, "concurrency_limit"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let policy = r#""route-concurrent";q=2;qu="concurrent-requests""#;
    assert_eq!(reply.header("ratelimit-policy"), Some(policy));
    assert_eq!(reply.header("ratelimit"), Some(r#""route-concurrent";r=0"#));
    true
}

/// Two are under way, a third is refused; then `ends` ends the first, in whatever way, and another one
/// gets in.
async fn gives_back(what: &str, request: &str, ends: impl AsyncFnOnce(Connection, Connection)) {
    let (origin, gateway) = world().await;
    let (caller, upstream) = under_way(&origin, &gateway, request).await;
    let _second = under_way(&origin, &gateway, GET).await;
    assert!(is_full(&gateway).await, "{what}");
    ends(caller, upstream).await;
    let mut third = gateway.connect("apis").await;
    let mut let_in = false;
    eventually(what, async || {
        third.send(GET).await;
        tokio::select! {
            mut upstream = origin.accept() => {
                upstream.head().await.unwrap();
                upstream.send(OK).await;
                let_in = true;
            }
            reply = third.reply() => assert_eq!(reply.unwrap().status, 429),
        }
        let_in
    })
    .await;
    assert_eq!(third.reply().await.unwrap().status, 200, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_ends_a_request_gives_its_place_back() {
    gives_back("an answer", GET, async |mut caller, mut upstream| {
        upstream.send(OK).await;
        assert_eq!(caller.reply().await.unwrap().status, 200);
    })
    .await;
    gives_back("a caller who leaves", GET, async |caller, _upstream| {
        drop(caller)
    })
    .await;
    gives_back("a caller who is cut off", GET, async |caller, _upstream| {
        caller.reset()
    })
    .await;
    gives_back(
        "an upstream that breaks off",
        GET,
        async |mut caller, upstream| {
            drop(upstream);
            assert_eq!(caller.reply().await.unwrap().status, 502);
        },
    )
    .await;
    gives_back(
        "an answer that breaks off",
        GET,
        async |mut caller, mut upstream| {
            upstream
                .send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
                .await;
            caller.until("half").await.unwrap();
            drop(upstream);
            assert!(caller.closed().await);
        },
    )
    .await;
    let chunked = "POST /few/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
    gives_back(
        "an upload that breaks off",
        chunked,
        async |caller, _upstream| drop(caller),
    )
    .await;
    gives_back(
        "a body that is none",
        chunked,
        async |mut caller, _upstream| {
            caller.send("nonsense\r\n").await;
            assert_eq!(caller.reply().await.unwrap().status, 400);
        },
    )
    .await;
    let websocket =
        "GET /few/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    gives_back("a WebSocket's end", websocket, async |mut caller, mut upstream| {
        let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        upstream.send(switched).await;
        caller.head().await.unwrap();
        upstream.send("words").await;
        caller.until("words").await.unwrap();
        drop(upstream);
        assert!(caller.closed().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_taken_and_a_websocket_keep_their_places() {
    let (origin, gateway) = world().await;
    let (mut caller, mut upstream) = under_way(&origin, &gateway, GET).await;
    upstream
        .send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")
        .await;
    caller.until("half").await.unwrap();
    let websocket =
        "GET /few/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let (mut switched, mut socket) = under_way(&origin, &gateway, websocket).await;
    socket
        .send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
        .await;
    switched.head().await.unwrap();
    assert!(is_full(&gateway).await);
    assert!(is_full(&gateway).await, "being refused gives nothing back");
}
