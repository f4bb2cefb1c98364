//! An upstream that is spoken to by HTTP/2: requests share a connection, and lose nothing on the way.

use h2::server::Builder;
use http::{HeaderMap, HeaderValue, Response};

use crate::support::{Gateway, Http2Origin, Setup};

use super::{asked, get};

const H2C: &str = "{ protocol: h2c }";

async fn world(more: &str) -> (Http2Origin, Gateway) {
    let origin = Http2Origin::open().await;
    let setup = Setup::open(&origin.url(), "", H2C);
    let gateway = setup.put("/routes/0/upstream", more).gateway().await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_arrives_as_http_2_writes_it() {
    let (origin, gateway) = world("").await;
    let request = "POST /a/b?c=d HTTP/1.1\r\nHost: a.example\r\nConnection: X-Hop, Keep-Alive\r\n\
        X-Hop: 1\r\nKeep-Alive: 5\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\nhello";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    let mut asked = upstream.asked().await;
    assert_eq!(asked.head.method, "POST");
    let address = origin.address();
    assert_eq!(
        asked.head.uri.to_string(),
        format!("http://{address}/a/b?c=d")
    );
    let names: Vec<_> = asked.head.headers.keys().map(|it| it.as_str()).collect();
    for gone in [
        "host",
        "connection",
        "keep-alive",
        "x-hop",
        "transfer-encoding",
    ] {
        assert!(!names.contains(&gone), "{names:?}");
    }
    assert_eq!(asked.head.headers.get_all("x-two").iter().count(), 2);
    assert_eq!(asked.header("content-length"), Some("5"));
    assert_eq!(asked.header("x-forwarded-host"), Some("a.example"));
    assert_eq!(asked.read().await.0, b"hello");
    let head = Response::builder()
        .status(201)
        .header("x-a", "b")
        .header("set-cookie", "c=d");
    asked.say_with(head, "done");
    let reply = caller.reply().await.unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (201, "done"));
    assert_eq!(reply.header("x-a"), Some("b"));
    assert_eq!(reply.header("set-cookie"), Some("c=d"));
    let line = &gateway.lines(1).await[0];
    assert_eq!(
        (&line["status"], &line["upstream_status"]),
        (&201.into(), &201.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways_before_either_has_ended_and_trailers_follow() {
    let (origin, gateway) = world("").await;
    let request = "POST / HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nConnection: TE\r\n\
        Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    let mut asked = upstream.asked().await;
    assert_eq!(asked.header("te"), Some("trailers"));
    assert_eq!(asked.piece().await, b"hello");
    let mut stream = asked.begin(Response::builder().header("trailer", "x-sum"));
    stream.send_data("HELLO".into(), false).unwrap();
    caller.until("5\r\nHELLO\r\n").await.unwrap();
    caller
        .send("5\r\nworld\r\n0\r\nX-Sum: 1\r\nX-Auth-Subject: admin\r\n\r\n")
        .await;
    let (rest, trailers) = asked.read().await;
    let trailers = trailers.expect("trailers");
    assert_eq!(rest, b"world");
    // What may not come in the head may not come behind the body.
    assert_eq!(
        (trailers.len(), &trailers["x-sum"]),
        (1, &HeaderValue::from_static("1"))
    );
    let mut answers = HeaderMap::new();
    for (name, value) in [
        ("x-sum", "2"),
        ("content-length", "9"),
        ("set-cookie", "a=b"),
    ] {
        answers.insert(name, HeaderValue::from_static(value));
    }
    stream.send_trailers(answers).unwrap();
    let trailers = caller.until("\r\n\r\n").await.unwrap().to_ascii_lowercase();
    assert_eq!(trailers, "0\r\nx-sum: 2\r\n\r\n");
    assert_eq!(gateway.lines(1).await[0]["reason"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_share_a_connection_as_far_as_the_upstream_allows() {
    let (origin, gateway) = world("").await;
    let calls: Vec<_> = (0..8)
        .map(|number| gateway.apart("apis", get(&format!("/{number}"))))
        .collect();
    let mut builder = Builder::new();
    builder.max_concurrent_streams(4);
    let mut first = origin.accept_with(builder.clone()).await;
    let mut all = vec![first.asked().await];
    for _ in 0..3 {
        all.push(first.asked().await);
    }
    // The fifth found no place there.
    let mut second = origin.accept_with(builder).await;
    for _ in 0..4 {
        all.push(second.asked().await);
    }
    assert!(origin.is_left_alone().await && first.is_left_alone());
    // Whoever is answered last of all is not mixed up with others.
    for asked in all.into_iter().rev() {
        let head = Response::builder().header("x-for", asked.target());
        asked.say_with(head, "ok");
    }
    for (number, call) in calls.into_iter().enumerate() {
        let reply = call.await.unwrap().unwrap();
        assert_eq!(reply.header("x-for"), Some(format!("/{number}").as_str()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_its_answer_keeps_nobody_from_theirs() {
    let (origin, gateway) = world("").await;
    let mut slow = Vec::new();
    let serving = tokio::spawn(async move {
        let mut upstream = origin.accept().await;
        loop {
            let mut asked = upstream.asked().await;
            if asked.target() != "/large" {
                asked.say(200, "ok");
                continue;
            }
            let mut stream = asked.begin(Response::builder());
            tokio::spawn(async move {
                let piece = bytes::Bytes::from(vec![b'x'; 64 * 1024]);
                for _ in 0..256 {
                    stream.reserve_capacity(piece.len());
                    while stream.capacity() < piece.len() {
                        if std::future::poll_fn(|cx| stream.poll_capacity(cx))
                            .await
                            .is_none()
                        {
                            return;
                        }
                    }
                    let _ = stream.send_data(piece.clone(), false);
                }
            });
        }
    });
    for _ in 0..20 {
        let mut caller = asked(&gateway, &get("/large")).await;
        caller.until("\r\n\r\n").await.unwrap();
        slow.push(caller);
    }
    for _ in 0..20 {
        assert_eq!(gateway.get("apis", "/small", &[]).await.text(), "ok");
    }
    drop(slow);
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_arrive_whole_both_ways() {
    let (origin, gateway) = world("").await;
    let body: Vec<u8> = (0..2_000_000_u32)
        .map(|number| number.to_le_bytes()[1] ^ 7)
        .collect();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut caller = asked(&gateway, &head).await;
    let sent = body.clone();
    let serving = tokio::spawn(async move {
        let mut upstream = origin.accept().await;
        let mut asked = upstream.asked().await;
        let (came, _) = asked.read().await;
        assert!(came == sent);
        let mut stream = asked.begin(Response::builder());
        let mut rest = bytes::Bytes::from(came);
        while !rest.is_empty() {
            stream.reserve_capacity(rest.len());
            if stream.capacity() == 0 {
                std::future::poll_fn(|cx| stream.poll_capacity(cx))
                    .await
                    .unwrap()
                    .unwrap();
            }
            let piece = rest.split_to(stream.capacity().min(rest.len()));
            stream.send_data(piece, rest.is_empty()).unwrap();
        }
        upstream
    });
    caller.send(&body).await;
    let reply = caller.reply().await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.body == body);
    drop(serving.await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_have_none() {
    let (origin, gateway) = world("").await;
    let mut caller = gateway.connect("apis").await;
    caller.send(get("/204")).await;
    let mut upstream = origin.accept().await;
    for (request, status, length, expected) in [
        ("GET", 204, None, None),
        ("HEAD", 200, Some("5"), Some("5")),
        ("GET", 304, None, None),
        ("GET", 200, None, Some("0")),
    ] {
        if status != 204 {
            caller
                .send(format!("{request} / HTTP/1.1\r\nHost: a.example\r\n\r\n"))
                .await;
        }
        let mut asked = upstream.asked().await;
        let mut head = Response::builder().status(status);
        if let Some(length) = length {
            head = head.header("content-length", length);
        }
        asked
            .answer
            .send_response(head.body(()).unwrap(), true)
            .unwrap();
        let head = caller.head().await.unwrap().to_ascii_lowercase();
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        let told = head
            .split("content-length: ")
            .nth(1)
            .map(|it| it.lines().next().unwrap());
        assert_eq!(told, expected, "{request} {status}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interim_answers_pass_and_who_asks_before_its_body_is_told_by_the_upstream() {
    let (origin, gateway) = world("").await;
    let request =
        "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut caller = asked(&gateway, request).await;
    let mut upstream = origin.accept().await;
    let mut asked = upstream.asked().await;
    assert_eq!(asked.header("expect"), Some("100-continue"));
    let early = Response::builder()
        .status(103)
        .header("link", "</a>")
        .body(())
        .unwrap();
    asked.answer.send_informational(early).unwrap();
    let go_on = Response::builder().status(100).body(()).unwrap();
    asked.answer.send_informational(go_on).unwrap();
    let first = caller.head().await.unwrap().to_ascii_lowercase();
    assert!(
        first.starts_with("http/1.1 103 ") && first.contains("link: </a>"),
        "{first}"
    );
    assert!(caller.head().await.unwrap().starts_with("HTTP/1.1 100 "));
    caller.send("hello").await;
    assert_eq!(asked.read().await.0, b"hello");
    asked.say(200, "ok");
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_says_goodbye_ends_what_it_has_and_gets_no_more() {
    let (origin, gateway) = world("").await;
    let under_way = gateway.apart("apis", get("/first"));
    let mut upstream = origin.accept().await;
    let first = upstream.asked().await;
    upstream.leave().await;
    // The goodbye may reach us behind a request.
    loop {
        let next = gateway.apart("apis", get("/second"));
        let elsewhere = tokio::select! {
            asked = upstream.asked() => {
                asked.say(200, "second");
                None
            }
            mut other = origin.accept() => {
                other.asked().await.say(200, "second");
                Some(other)
            }
        };
        assert_eq!(next.await.unwrap().unwrap().text(), "second");
        if elsewhere.is_some() {
            break;
        }
    }
    first.say(200, "first");
    assert_eq!(under_way.await.unwrap().unwrap().text(), "first");
    assert!(upstream.ended().await);
}
