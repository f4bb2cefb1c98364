//! Requests as clients send them: what reaches the upstream is what HTTP/1.1 would have made of them.

use super::{ask, client, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_protocols_are_spoken_on_one_port_where_the_listener_says_so() {
    let (origin, gateway) = world("").await;
    let reply = gateway.raw("apis", "GET /1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(reply.await.status, 200);
    let mut client = client(&gateway, "apis").await;
    for target in ["/2?x=1", "/3"] {
        let answer = ask(&mut client, get(target)).await.unwrap();
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "ok"));
        assert!(answer.header("x-request-id").is_some());
    }
    let heads = origin.heads();
    let lines: Vec<_> = heads
        .iter()
        .map(|(_, head)| head.lines().next().unwrap())
        .collect();
    assert_eq!(
        lines,
        ["GET /1 HTTP/1.1", "GET /2?x=1 HTTP/1.1", "GET /3 HTTP/1.1"]
    );
    let lines = gateway.lines(3).await;
    let path = |line: &serde_json::Value| line["path"].as_str().unwrap().to_owned();
    assert_eq!(
        lines.iter().map(path).collect::<Vec<_>>(),
        ["/1", "/2", "/3"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_what_the_listener_does_not_is_told_in_its_own_words() {
    let (origin, gateway) = world("protocols: [h2c]").await;
    let reply = gateway
        .raw("apis", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    assert_eq!(
        (reply.status, reply.reason()),
        (400, "malformed_request".to_owned())
    );
    let (_, plain) = world("protocols: [http1]").await;
    let reply = plain.raw("apis", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(reply.status, 400);
    assert!(origin.heads().is_empty());
}
