//! What a connection must keep to before and between its requests, and what is believed of who is
//! at its other end; through the whole gateway.

use crate::support::{API_KEY, Answering, Gateway, Origin, Setup, eventually, is};
use serde_json::Value;

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

async fn world(listener: &str) -> (Answering, Gateway) {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let gateway = Setup::open(&origin.url, listener, "").gateway().await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_closed_before_and_between_requests() {
    let (_origin, gateway) = world("timeouts: { idle: 2s }").await;
    let mut silent = gateway.connect("apis").await;
    let mut caller = gateway.connect("apis").await;
    caller.send(GET).await;
    assert_eq!(caller.reply().await.unwrap().status, 200);
    assert_eq!(silent.rest().await, "");
    assert_eq!(caller.rest().await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_takes_too_long_gets_408_on_the_first_request_and_on_the_second() {
    let (_origin, gateway) = world("timeouts: { header: 400ms }").await;
    // Half a head and then nothing; and byte by byte, where a timer that starts anew with each
    // would never fire.
    for (before, dribbles) in [(0, false), (0, true), (1, false), (1, true)] {
        let mut caller = gateway.connect("apis").await;
        for _ in 0..before {
            caller.send(GET).await;
            assert_eq!(caller.reply().await.unwrap().status, 200);
        }
        caller.send("GET / HTTP/1.1\r\nX-Slow: ").await;
        let mut sent = 0;
        while dribbles && !caller.has_something().await {
            assert!(sent < 2000, "the dribble goes on");
            caller.send_in_vain(b"a").await;
            sent += 1;
        }
        assert_eq!(caller.reply().await.expect("an answer").status, 408);
        assert!(caller.closed().await);
    }
    let refused =
        "bearergate_connections_refused_total{cause=\"header_timeout\",listener=\"apis\"}";
    eventually("they are counted", async || {
        gateway.metric(refused).await == Some(4.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_old_or_to_be_closed_are_not_kept() {
    for request in [
        "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let (_origin, gateway) = world("").await;
        let mut caller = gateway.connect("apis").await;
        caller.send(request).await;
        let reply = caller.reply().await.unwrap();
        assert_eq!(
            (reply.status, reply.header("connection")),
            (200, Some("close")),
            "{request}"
        );
        assert!(caller.closed().await, "{request}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_comes_early_is_answered_in_its_turn() {
    let origin = Origin::open().await;
    let gateway = Setup::open(&origin.url(), "", "").gateway().await;
    let mut caller = gateway.connect("apis").await;
    caller
        .send("GET /first HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    // Some old programs also send a line feed too many after a body.
    caller
        .send("\r\nGET /second HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    // What was sent before another's request has been seen before that is answered.
    assert_eq!(gateway.get("apis", "/..", &[]).await.status, 400);
    upstream.send(ANSWER).await;
    assert_eq!(caller.reply().await.expect("the first answer").status, 200);
    assert!(upstream.head().await.unwrap().starts_with("GET /second "));
    upstream.send(ANSWER).await;
    assert_eq!(caller.reply().await.expect("the second answer").status, 200);
    assert_eq!(gateway.lines(3).await.len(), 3);
}

async fn guarded(listener: &str) -> (Answering, Gateway) {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let setup = Setup::of("guarded.yaml").fill("UPSTREAM", &origin.url);
    let gateway = setup.put("/listeners/apis", listener).gateway().await;
    (origin, gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_keeps_the_connection_where_the_body_was_small_and_tells_where_not() {
    let (origin, gateway) = guarded("").await;
    let large = "x".repeat(300_000);
    let chunked = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    #[rustfmt::skip]
    let rows: [(&str, &str, String, bool); 6] = [
        ("length", "HTTP/1.1\r\nContent-Length: 5", "hello".into(), true),
        ("chunks", "HTTP/1.1\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n".into(), true),
        ("large length", "HTTP/1.1\r\nContent-Length: 300000", large, false),
        ("large chunk", "HTTP/1.1\r\nTransfer-Encoding: chunked", chunked, false),
        ("asks first", "HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue", String::new(), false),
        ("HTTP/1.0", "HTTP/1.0\r\nContent-Length: 5", "hello".into(), false),
    ];
    for (what, head, body, kept) in rows {
        let mut caller = gateway.connect("apis").await;
        caller
            .send(format!("POST /keyed {head}\r\nHost: a.example\r\n\r\n"))
            .await;
        caller.send_in_vain(body.as_bytes()).await;
        let reply = caller
            .reply()
            .await
            .unwrap_or_else(|| panic!("{what}: no answer"));
        assert_eq!(reply.verdict(), is(401, "no_credential"), "{what}");
        let told = (!kept).then_some("close");
        assert_eq!(reply.header("connection"), told, "{what}");
        if kept {
            caller
                .send(format!(
                    "GET /keyed HTTP/1.1\r\nHost: a.example\r\nX-Api-Key: {API_KEY}\r\n\r\n"
                ))
                .await;
            assert_eq!(caller.reply().await.unwrap().text(), "ok", "{what}");
        } else {
            if what != "HTTP/1.0" {
                // The rest of what was announced, sent by one who has not read the answer yet.
                caller.send_in_vain(&[b'x'; 10_000]).await;
            }
            assert!(caller.closed().await && !caller.was_reset(), "{what}");
        }
    }
    assert_eq!(origin.heads().len(), 2, "what was refused went nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_is_told_also_when_the_caller_does_not_wait_for_it() {
    let (_origin, gateway) = guarded("").await;
    let mut caller = gateway.connect("apis").await;
    caller
        .send("POST /keyed HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhel")
        .await;
    caller.reset();
    let line = &gateway.lines(1).await[0];
    assert_eq!(
        (&line["route"], &line["reason"]),
        (&"keyed".into(), &"no_credential".into()),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_before_a_route_is_found_is_counted_and_told() {
    let (_origin, gateway) = guarded("").await;
    assert_eq!(gateway.get("apis", "/nowhere", &[]).await.status, 404);
    assert_eq!(gateway.get("apis", "/a/../b", &[]).await.status, 400);
    let lines = gateway.lines(2).await;
    let told: Vec<(&Value, &Value)> = lines
        .iter()
        .map(|line| (&line["status"], &line["reason"]))
        .collect();
    assert_eq!(
        told,
        [
            (&404.into(), &"no_route".into()),
            (&400.into(), &"bad_path".into())
        ]
    );
    let text = gateway.get_admin("/metrics").await.text();
    for reason in ["no_route", "bad_path"] {
        let counted = |line: &str| {
            line.starts_with("bearergate_requests_total{")
                && line.contains(&format!("\"{reason}\""))
                && line.ends_with(" 1")
        };
        assert!(text.lines().any(counted), "{reason}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_is_taken_over_from_a_trusted_proxy_only() {
    for (listener, believed) in [
        ("trusted_proxies: [127.0.0.0/8]", true),
        ("trusted_proxies: [10.0.0.0/8]", false),
        ("", false),
    ] {
        let (origin, gateway) = world(listener).await;
        let reply = gateway
            .get("apis", "/", &["X-Request-Id: theirs-0001".to_owned()])
            .await;
        let id = reply.header("x-request-id").unwrap().to_owned();
        assert_eq!(id == "theirs-0001", believed, "{listener}");
        let head = origin.heads().pop().unwrap().1.to_ascii_lowercase();
        let sent: Vec<&str> = head
            .lines()
            .filter_map(|line| line.strip_prefix("x-request-id: "))
            .collect();
        assert_eq!(sent, [id.as_str()], "the upstream is told the same");
        assert_eq!(
            gateway.lines(1).await[0]["request_id"].as_str(),
            Some(id.as_str())
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_behind_trusted_proxies_is_the_rightmost_that_is_none_of_them() {
    let (_origin, gateway) = guarded("trusted_proxies: [127.0.0.0/8, 192.0.2.0/24]").await;
    for (chain, status, client) in [
        ("10.1.1.1", 200, "10.1.1.1"),
        ("10.1.1.1, 192.0.2.7", 200, "10.1.1.1"),
        ("10.1.1.1, 198.51.100.1", 403, "198.51.100.1"),
        ("198.51.100.1, 10.1.1.1", 200, "10.1.1.1"),
        ("::ffff:10.1.1.1", 200, "10.1.1.1"),
        ("10.1.1.1, unknown", 403, "127.0.0.1"),
        ("198.51.100.1", 403, "198.51.100.1"),
    ] {
        let lines = gateway.lines(0).await.len();
        let reply = gateway
            .get("apis", "/inside", &[format!("X-Forwarded-For: {chain}")])
            .await;
        assert_eq!(reply.status, status, "{chain}");
        let line = gateway.lines(lines + 1).await.pop().unwrap();
        assert_eq!(line["client"], client, "{chain}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_is_told_of_and_no_longer_in_flight() {
    let gauge = "bearergate_requests_in_flight";
    let upload = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhello";
    for (request, reset) in [
        (upload.to_owned(), false),
        (upload.to_owned(), true),
        (GET.to_owned(), true),
    ] {
        let origin = Origin::open().await;
        let gateway = Setup::open(&origin.url(), "", "").gateway().await;
        let mut caller = gateway.connect("apis").await;
        caller.send(&request).await;
        let mut upstream = origin.accept().await;
        upstream.head().await.unwrap();
        let now = async || {
            let text = gateway.get_admin("/metrics").await.text();
            let line = text
                .lines()
                .find(|line| line.starts_with(gauge))
                .map(str::to_owned);
            line.and_then(|line| {
                line.rsplit(' ')
                    .next()
                    .and_then(|count| count.parse::<u32>().ok())
            })
        };
        assert_eq!(now().await, Some(1));
        if reset {
            caller.reset();
        } else {
            drop(caller);
        }
        let line = &gateway.lines(1).await[0];
        assert_eq!(
            (&line["status"], &line["reason"]),
            (&0.into(), &"client_closed".into()),
            "{request}"
        );
        assert_eq!(line["route"], "open");
        eventually("nothing is in flight", async || now().await == Some(0)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_is_not_worked_for() {
    let origin = Origin::open().await;
    let gateway = Setup::open(&origin.url(), "", "").gateway().await;
    let mut caller = gateway.connect("apis").await;
    caller.send(GET).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    caller.reset();
    assert_eq!(upstream.rest().await, "", "the upstream is let go");
    assert_eq!(gateway.lines(1).await[0]["reason"], "client_closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_no_request_is_answered_with_its_reason_and_has_an_access_line() {
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}", "a".repeat(40_000));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(9_000));
    #[rustfmt::skip]
    let table = [
        ("nonsense\r\n\r\n", 400, "malformed_request"),
        ("GET / HTTP/1.1\nHost: a\n\n", 400, "malformed_request"),
        ("GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", 400, "malformed_request"),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_path"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "bad_framing"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_framing"),
        (&large, 431, "header_too_large"),
        (&long, 414, "uri_too_long"),
    ];
    for (request, status, reason) in table {
        let (origin, gateway) = world("").await;
        let mut caller = gateway.connect("apis").await;
        caller.send_in_vain(request.as_bytes()).await;
        let reply = caller.reply().await.expect("an answer");
        let what = &request[..request.len().min(80)];
        assert_eq!(reply.verdict(), is(status, reason), "{what}");
        assert_eq!(reply.header("connection"), Some("close"), "{what}");
        assert!(caller.closed().await, "{what}");
        let lines = gateway.lines(1).await;
        assert_eq!(
            (&lines[0]["status"], &lines[0]["reason"]),
            (&status.into(), &reason.into())
        );
        assert_eq!(
            lines[0]["request_id"],
            *reply.header("x-request-id").unwrap()
        );
        assert!(origin.heads().is_empty(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_spelled_in_the_way_that_old_programs_know() {
    let (origin, gateway) = world("").await;
    let mut caller = gateway.connect("apis").await;
    caller
        .send("GET / HTTP/1.1\r\nhost: a.example\r\nsoap-action: x\r\nX-LOUD: y\r\n\r\n")
        .await;
    let head = caller.head().await.unwrap();
    assert!(head.contains("\r\nContent-Length: 2\r\n"), "{head}");
    assert!(head.contains("\r\nX-Request-Id: "), "{head}");
    let sent = &origin.heads()[0].1;
    for field in ["Host: ", "Soap-Action: x", "X-Loud: y"] {
        assert!(sent.contains(&format!("\r\n{field}")), "{field}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_spelled_as_they_came_where_an_upstream_wants_it() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\nX-aBc: 1\r\n\r\nok";
    let origin = Origin::open().await.answering(|_| answer.to_owned());
    let setup = Setup::open(&origin.url, "", "header_case: preserve");
    let gateway = setup.gateway().await;
    let mut caller = gateway.connect("apis").await;
    caller
        .send(
            "GET / HTTP/1.1\r\nhost: a.example\r\nSOAPAction: x\r\nX-loud: y\r\nX-loud: z\r\n\r\n",
        )
        .await;
    let head = caller.head().await.unwrap();
    for field in ["content-LENGTH: 2", "X-aBc: 1"] {
        assert!(
            head.contains(&format!("\r\n{field}\r\n")),
            "{field}: {head}"
        );
    }
    let sent = &origin.heads()[0].1;
    for field in ["SOAPAction: x", "X-loud: y", "X-loud: z"] {
        assert!(
            sent.contains(&format!("\r\n{field}\r\n")),
            "{field}: {sent}"
        );
    }
}
