use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::super::tests_support::{Running, SHORT, UNHURRIED};
use super::super::{Limits, Timeouts};

const HEADER_SOON: Timeouts = Timeouts {
    header: SHORT,
    ..UNHURRIED
};
const IDLE_SOON: Timeouts = Timeouts {
    idle: SHORT,
    ..UNHURRIED
};

fn plain(timeouts: Timeouts) -> Running {
    Running::start(Limits::default(), timeouts, None)
}

#[tokio::test]
async fn a_head_that_stops_half_way_gets_408() {
    for head in [
        "G",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\n",
        "\r\n",
    ] {
        let running = plain(HEADER_SOON);
        let mut client = running.connect().await;
        client.send(head).await;
        let answer = client.rest().await;
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{head}: {answer}"
        );
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        drop(client);
        running.refused_only(&["header_timeout"]).await;
    }
}

#[tokio::test]
async fn a_head_that_dribbles_is_cut_off_also_on_the_second_request() {
    for requests_before in [0, 1, 2] {
        let running = plain(HEADER_SOON);
        let mut client = running.connect().await;
        for _ in 0..requests_before {
            assert!(client.get("/").await.ends_with("ok"));
        }
        client.send("GET / HTTP/1.1\r\nX-Slow: ").await;
        client.dribble().await;
        drop(client);
        running.refused_only(&["header_timeout"]).await;
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed_without_a_word() {
    let running = plain(IDLE_SOON);
    assert_eq!(running.connect().await.rest().await, "");
    running.refused_only(&[]).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_between_requests() {
    let running = plain(IDLE_SOON);
    let mut client = running.connect().await;
    // On a busy machine the deadline may pass before the request is sent.
    while !client.is_answered().await {
        client = running.connect().await;
    }
    assert_eq!(client.rest().await, "");
    running.refused_only(&[]).await;
}

#[tokio::test]
async fn deadlines_of_the_head_do_not_touch_what_follows_it() {
    let running = plain(HEADER_SOON);
    let mut client = running.connect().await;
    client
        .send("GET /held HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    running.a_request_is_held().await;
    running.the_header_deadline_passes().await;
    running.held.add_permits(1);
    assert!(client.answer().await.ends_with("held"));

    // Nor does a slow body, nor the pause before the next request.
    client
        .send("POST /body HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\na")
        .await;
    running.the_header_deadline_passes().await;
    client.send("bc").await;
    assert!(client.answer().await.ends_with("\r\n\r\n3"));
    running.the_header_deadline_passes().await;
    assert!(client.get("/").await.ends_with("ok"));
    drop(client);
    running.refused_only(&["header_timeout"; 3]).await;
}

#[tokio::test]
async fn a_body_that_stops_half_way_ends_the_connection() {
    let running = plain(Timeouts {
        body: SHORT,
        ..UNHURRIED
    });
    let mut client = running.connect().await;
    client
        .send("POST /body HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nabc")
        .await;
    let _ = client.rest().await;
    drop(client);
    running.refused_only(&[]).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_answer_is_not_waited_for() {
    let running = plain(Timeouts {
        body: SHORT,
        ..UNHURRIED
    });
    let mut client = running.connect().await;
    client
        .send("GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    running
        .eventually("it was accepted", || {
            running.count("bearergate_connections_total{listener=\"test\"} ") == 1
        })
        .await;
    running.refused_only(&[]).await;
    drop(client);
}

#[tokio::test]
async fn a_deadline_past_all_clocks_is_none() {
    let running = plain(Timeouts {
        header: Duration::MAX,
        idle: Duration::MAX,
        body: Duration::MAX,
    });
    let mut client = running.connect().await;
    client.send("GET / HT").await;
    client.send("TP/1.1\r\nHost: a.example\r\n\r\n").await;
    assert!(client.answer().await.ends_with("ok"));
    assert!(client.get("/").await.ends_with("ok"));
}

#[tokio::test]
async fn what_the_parser_refuses_is_counted() {
    for (request, answer) in [
        ("nonsense\r\n\r\n", "HTTP/1.1 400 "),
        (
            "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 "),
        ("\u{16}\u{3}\u{1}\u{0}\u{1}\u{1}", "HTTP/1.1 400 "),
    ] {
        let running = plain(UNHURRIED);
        let mut client = running.connect().await;
        assert!(client.get("/").await.ends_with("ok"));
        client.send(request).await;
        let got = client.rest().await;
        assert!(got.starts_with(answer), "{request:?}: {got}");
        drop(client);
        running.refused_only(&["parser"]).await;
    }
}

#[tokio::test]
async fn a_peer_that_leaves_was_not_refused() {
    for before in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a.example\r\n"] {
        let running = plain(UNHURRIED);
        let mut client = running.connect().await;
        assert!(client.get("/").await.ends_with("ok"));
        client.send(before).await;
        client.0.shutdown().await.unwrap();
        assert_eq!(client.rest().await, "");
        drop(client);
        running.refused_only(&[]).await;
    }
}

#[tokio::test]
async fn a_head_that_grows_for_ever_gets_431() {
    let limits = Limits {
        header: 4096,
        ..Limits::default()
    };
    let running = Running::start(limits, UNHURRIED, None);
    let mut client = running.connect().await;
    let fits = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(4000)
    );
    client.send(&fits).await;
    assert!(client.answer().await.starts_with("HTTP/1.1 200 "));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    // More than the limit, and some that nobody will read: the answer still arrives.
    client.send(&"x".repeat(60_000)).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert!(!client.was_reset());
    drop(client);
    running.refused_only(&["header_too_large"]).await;
}

#[tokio::test]
async fn one_connection_takes_many_requests() {
    let running = plain(UNHURRIED);
    let mut client = running.connect().await;
    for _ in 0..20 {
        let answer = client.get("/").await;
        assert!(
            !answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
    }
    assert_eq!(
        running.count("bearergate_connections_total{listener=\"test\"} "),
        1
    );
    drop(client);
    running.refused_only(&[]).await;
}

#[tokio::test]
async fn what_the_codec_would_close_is_closed() {
    for request in [
        "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ] {
        // On the first request and on a later one.
        for requests_before in [0, 1] {
            let running = plain(UNHURRIED);
            let mut client = running.connect().await;
            for _ in 0..requests_before {
                assert!(client.get("/").await.ends_with("ok"));
            }
            client.send(request).await;
            let answer = client.rest().await.to_ascii_lowercase();
            assert!(answer[8..].starts_with(" 200 "), "{request}: {answer}");
            let says_so = answer.contains("connection: close");
            assert!(
                says_so || answer.starts_with("http/1.0 "),
                "{request}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn who_closes_its_half_still_gets_an_answer_but_to_what_only_reads() {
    for (method, is_answered) in [("POST", true), ("GET", false), ("HEAD", false)] {
        let running = plain(UNHURRIED);
        let mut client = running.connect().await;
        client
            .send(&format!(
                "{method} /held HTTP/1.1\r\nHost: a.example\r\n\r\n"
            ))
            .await;
        running.a_request_is_held().await;
        client.0.shutdown().await.unwrap();
        // What was sent before another's request has been seen before it is answered.
        assert!(running.connect().await.get("/").await.ends_with("ok"));
        running.held.add_permits(1);
        let answer = client.rest().await;
        assert_eq!(answer.ends_with("held"), is_answered, "{method}: {answer}");
        running.refused_only(&[]).await;
    }
}

#[tokio::test]
async fn an_answer_to_an_upload_nobody_wants_still_arrives() {
    let running = plain(UNHURRIED);
    let mut client = running.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 200000\r\n\r\n")
        .await;
    client.send(&"x".repeat(200_000)).await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("ok"), "{answer}");
    assert!(!client.was_reset());
}

#[tokio::test]
async fn an_answer_that_waits_in_the_codec_is_sent_to_its_end() {
    // The application is done with it as soon as the codec has it; the peer has read next to none.
    for meanwhile in ["a request", "nonsense", "its half closed", "idle", "stop"] {
        let running = plain(IDLE_SOON);
        let mut client = running.connect().await;
        client
            .send("GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await;
        client.0.peek(&mut [0]).await.unwrap();
        match meanwhile {
            "a request" => client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await,
            "nonsense" => client.send("nonsense\r\n\r\n").await,
            "its half closed" => client.0.shutdown().await.unwrap(),
            "stop" => running.stop.send(true).unwrap(),
            _ => {}
        }
        tokio::time::sleep(3 * SHORT).await;
        let answers = client.rest().await;
        let (head, rest) = answers.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{meanwhile}: {head}");
        let body = rest.bytes().take_while(|byte| *byte == b'x').count();
        assert_eq!(body, 64 * 1024 * 1024, "{meanwhile}");
        let next = &rest[body..];
        let expected = match meanwhile {
            "a request" => "HTTP/1.1 200 ",
            "nonsense" => "HTTP/1.1 400 ",
            _ => "",
        };
        assert!(next.starts_with(expected), "{meanwhile}: {next}");
        assert_eq!(next.is_empty(), expected.is_empty(), "{meanwhile}: {next}");
    }
}

#[tokio::test]
async fn a_message_that_was_judged_as_a_whole_is_handed_on_as_a_whole() {
    let running = plain(UNHURRIED);
    for size in [1, 5_000, 6_000, 8_192, 60_000] {
        let head = format!(
            "POST /body HTTP/1.1\r\nHost: a\r\nX-Token: {}\r\nContent-Length: {size}\r\n\r\n",
            "t".repeat(2_500)
        );
        let body = "b".repeat(size);
        // Its head in two pieces.
        let mut client = running.connect().await;
        client.send(&head[..1_448]).await;
        assert!(running.connect().await.get("/").await.ends_with("ok"));
        client.send(&format!("{}{body}", &head[1_448..])).await;
        assert!(
            client.answer().await.ends_with(&format!("\r\n{size}")),
            "{size}"
        );
        // Behind another, and before a third.
        let plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        client.send(&format!("{plain}{head}{body}{plain}")).await;
        assert!(client.answer().await.ends_with("ok"));
        assert!(
            client.answer().await.ends_with(&format!("\r\n{size}")),
            "{size}"
        );
        assert!(client.answer().await.ends_with("ok"));
    }
}

#[tokio::test]
async fn a_panic_ends_its_connection_only() {
    let running = plain(UNHURRIED);
    let mut bystander = running.connect().await;
    assert!(bystander.get("/").await.ends_with("ok"));
    let mut victim = running.connect().await;
    victim
        .send("GET /panic HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    assert_eq!(victim.rest().await, "");
    assert!(bystander.get("/").await.ends_with("ok"));
    assert!(running.connect().await.get("/").await.ends_with("ok"));
    drop(bystander);
    running.refused_only(&["panic"]).await;
}

#[tokio::test]
async fn the_application_knows_its_peer() {
    let running = plain(UNHURRIED);
    let mut client = running.connect().await;
    let own = client.0.local_addr().unwrap().to_string();
    assert!(client.get("/peer").await.ends_with(&own));
}
