//! Trailers (RFC 9110 §6.5) pass both ways, but for what may not come in a head either.

use super::{OK, asked, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answers_trailers_reach_who_wants_them() {
    for (te, wanted) in [("TE: trailers\r\nConnection: TE\r\n", true), ("", false)] {
        let (origin, gateway) = world("", "").await;
        let request = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{te}\r\n");
        let mut caller = asked(&gateway, &request).await;
        let mut upstream = origin.accept().await;
        let head = upstream.head().await.unwrap().to_ascii_lowercase();
        assert_eq!(head.contains("te: trailers\r\n"), wanted, "{head}");
        upstream
            .send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
            )
            .await;
        assert!(
            caller
                .head()
                .await
                .unwrap()
                .to_ascii_lowercase()
                .contains("trailer: x-sum")
        );
        let body = caller.until("0\r\n").await.unwrap();
        assert_eq!(body, "2\r\nok\r\n0\r\n");
        let trailers = caller.until("\r\n").await.unwrap().to_ascii_lowercase();
        assert_eq!(trailers == "x-sum: 1\r\n", wanted, "{trailers}");
        let line = &gateway.lines(1).await[0];
        assert_eq!(line["reason"], serde_json::Value::Null, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requests_trailers_go_on_but_for_identities_and_credentials() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(
        &gateway,
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Sum, X-Auth-Subject, Authorization, X-Forwarded-For, X-Request-Id\r\n\r\n\
         2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Auth-Subject: admin\r\nX-Forwarded-For: 10.0.0.1\r\n\
         X-Request-Id: mine\r\n\r\n",
    )
    .await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    let body = upstream.until("0\r\n").await.unwrap();
    assert_eq!(body, "2\r\nhi\r\n0\r\n");
    let trailers = upstream
        .until("\r\n\r\n")
        .await
        .unwrap()
        .to_ascii_lowercase();
    assert_eq!(trailers, "x-sum: 1\r\n\r\n");
    upstream.send(OK).await;
    assert_eq!(caller.reply().await.unwrap().text(), "ok");
}
