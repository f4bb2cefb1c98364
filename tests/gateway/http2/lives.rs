//! How a connection of HTTP/2 lives and ends: between its requests, with its streams, when it makes room,
//! and when the gateway leaves.

use std::time::Duration;

use super::{ANSWER, ask, before, get, head, world};
use crate::support::{Frame, Frames, Origin, client, eventually, send, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_left_with_a_goodbye_whatever_it_pings() {
    let (_origin, gateway) = world("timeouts: { idle: 2s }").await;
    let mut silent = Frames::silent(gateway.address("apis")).await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    caller.ask(1, &head("GET", "/x", &[])).await;
    assert_eq!(caller.outcome(1).await, Ok("ok".to_owned()));
    let told = loop {
        caller.put(Frame::PING, 0, 0, &[0; 8]).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        match caller.next().await {
            Some(frame) if frame.kind == Frame::GOAWAY => break frame,
            Some(_) => {}
            None => panic!("it ended without a goodbye"),
        }
    };
    // Nothing was wrong, and stream 1 was the last that was served.
    assert_eq!((told.code(), &told.payload[..4]), (0, &[0, 0, 0, 1][..]));
    assert_eq!(caller.until(Frame::GOAWAY).await, None);
    assert_eq!(silent.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_served_when_the_gateway_leaves_is_served_to_the_end() {
    let origin = Origin::open().await;
    let mut gateway = before(&origin.url(), "").await;
    let mut caller = client(&gateway, "apis").await;
    let mut idle = Frames::open(gateway.address("apis")).await;
    idle.until(Frame::SETTINGS).await.unwrap();
    let (answer, _) = caller.send_request(get("/x"), true).unwrap();
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    let leaving = tokio::spawn(async move { gateway.drain().await });
    assert_eq!(idle.until(Frame::GOAWAY).await.unwrap().code(), 0);
    // No new stream is opened by a client that was told.
    eventually("it is told", async || {
        let ready = std::future::poll_fn(|cx| caller.poll_ready(cx));
        ready.await.is_err()
    })
    .await;
    upstream.send(ANSWER).await;
    assert_eq!(whole(answer.await.unwrap()).await.unwrap().text(), "ok");
    assert_eq!(leaving.await.unwrap(), 0);
}

/// The code of a stream that was not looked at, and may be opened elsewhere.
const REFUSED_STREAM: u32 = 7;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_with_the_last_request_it_may_have() {
    let (_origin, gateway) = world("limits: { requests_per_connection: 3 }").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    for stream in [1, 3] {
        caller.ask(stream, &head("GET", "/x", &[])).await;
        assert_eq!(caller.outcome(stream).await, Ok("ok".to_owned()));
    }
    caller.ask(5, &head("GET", "/x", &[])).await;
    let (mut goodbyes, mut body) = (Vec::new(), Vec::new());
    while let Some(frame) = caller.next().await {
        match frame.kind {
            Frame::GOAWAY => goodbyes.push((frame.code(), frame.payload[..4].to_vec())),
            // Answered, or nobody would know what was on its way.
            Frame::PING if frame.flags == 0 => {
                caller.put(Frame::PING, 1, 0, &frame.payload).await;
            }
            Frame::DATA => body.extend(frame.payload),
            _ => {}
        }
    }
    assert_eq!(body, b"ok");
    // First that there is an end, then where.
    let most = vec![0x7f, 0xff, 0xff, 0xff];
    assert_eq!(goodbyes, [(0, most), (0, vec![0, 0, 0, 5])]);
    // A client of another make goes on, on other connections.
    for _ in 0..10 {
        let mut client = client(&gateway, "apis").await;
        for _ in 0..3 {
            assert_eq!(ask(&mut client, get("/")).await.unwrap().status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_hear_the_goodbye_gets_no_more_by_it() {
    let origin = Origin::open().await.answering(|head| {
        let hangs = head.starts_with("GET /held ");
        if hangs {
            String::new()
        } else {
            ANSWER.to_owned()
        }
    });
    let gateway = before(&origin.url, "limits: { requests_per_connection: 3 }").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    // It is never without a request, and answers no PING.
    caller.ask(1, &head("GET", "/held", &[])).await;
    let mut last = 1;
    let outcome = loop {
        last += 2;
        caller.ask(last, &head("GET", "/x", &[])).await;
        let outcome = caller.outcome(last).await;
        if outcome.is_err() {
            break outcome;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(last < 5000, "it goes on for ever");
    };
    assert_eq!(outcome, Err(REFUSED_STREAM));
    caller.ask(last + 2, &head("GET", "/x", &[])).await;
    assert_eq!(caller.outcome(last + 2).await, Err(REFUSED_STREAM));
    let served = origin.heads().len();
    assert!(served >= 3, "as many as it may have: {served}");
    assert!(
        !origin.heads().iter().any(|(_, head)| head.is_empty()),
        "and none of those that were refused"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_makes_room_and_one_that_serves_does_not() {
    let origin = Origin::open().await;
    let limits = "limits: { connections: 2, connections_per_address: 2 }";
    let gateway = before(&origin.url(), limits).await;
    let mut busy = Frames::open(gateway.address("apis")).await;
    busy.ask(1, &head("GET", "/x", &[])).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    let mut idle = Frames::open(gateway.address("apis")).await;
    idle.until(Frame::SETTINGS).await.unwrap();
    let mut third = Frames::open(gateway.address("apis")).await;
    assert_eq!(idle.until(Frame::GOAWAY).await.map(|it| it.code()), Some(0));
    third.ask(1, &head("GET", "/y", &[])).await;
    let mut second = origin.accept().await;
    second.head().await.unwrap();
    for upstream in [&mut upstream, &mut second] {
        upstream.send(ANSWER).await;
    }
    assert_eq!(busy.outcome(1).await, Ok("ok".to_owned()));
    assert_eq!(third.outcome(1).await, Ok("ok".to_owned()));
    let evicted = "bearergate_connections_refused_total{cause=\"evicted\",listener=\"apis\"}";
    assert_eq!(gateway.metric(evicted).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_its_caller_resets_is_not_worked_for() {
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    caller.ask(1, &head("GET", "/x", &[])).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    caller.put(Frame::RST_STREAM, 0, 1, &[0, 0, 0, 8]).await;
    assert_eq!(upstream.rest().await, "");
    let lines = gateway.lines(1).await;
    assert_eq!(
        (&lines[0]["reason"], &lines[0]["status"]),
        (&"client_closed".into(), &0.into())
    );
    // The connection goes on.
    caller.ask(3, &head("GET", "/x", &[])).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    upstream.send(ANSWER).await;
    assert_eq!(caller.outcome(3).await, Ok("ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_takes_all_its_requests_along() {
    let origin = Origin::open().await;
    let gateway = before(&origin.url(), "").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    let mut upstreams = Vec::new();
    for stream in [1, 3, 5] {
        caller.ask(stream, &head("POST", "/x", &[])).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        upstreams.push(upstream);
    }
    drop(caller);
    for mut upstream in upstreams {
        assert_eq!(upstream.rest().await, "");
    }
    let lines = gateway.lines(3).await;
    assert!(lines.iter().all(|line| line["reason"] == "client_closed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_reads_nothing_is_not_waited_for() {
    let (_origin, gateway) = world("timeouts: { body: 300ms, idle: 20s }").await;
    let mut deaf = Frames::open(gateway.address("apis")).await;
    // Answers that nobody reads, until no socket takes them.
    let asked = head("GET", "/x", &[("x-pad", "p")]);
    for number in 0..100_000_u32 {
        if !deaf.send(&Frame::bytes(1, 5, 2 * number + 1, &asked)).await {
            break;
        }
    }
    let open = "bearergate_connections{listener=\"apis\"}";
    eventually("it is gone", async || {
        gateway.metric(open).await == Some(0.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_at_a_time_are_answered_on_one_connection() {
    let (_origin, gateway) = world("").await;
    let mut client = client(&gateway, "apis").await;
    for _ in 0..5 {
        let asked: Vec<_> = (0..100)
            .map(|_| client.send_request(get("/"), true).unwrap().0)
            .collect();
        for answer in asked {
            assert_eq!(whole(answer.await.unwrap()).await.unwrap().text(), "ok");
        }
    }
    let request = http::Request::put("http://a.example/").body(()).unwrap();
    let (answer, mut body) = client.send_request(request, false).unwrap();
    send(&mut body, "", true);
    assert_eq!(answer.await.unwrap().status(), 200);
    assert_eq!(ask(&mut client, get("/")).await.unwrap().status, 200);
}
