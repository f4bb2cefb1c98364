//! Upstreams behind a Unix socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::support::{Setup, is};

use super::OK;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_is_reached_by_a_socket_and_its_url_says_the_host() {
    let setup = Setup::open("http://app.internal/base", "", "{ socket: app.sock }");
    let listener = UnixListener::bind(setup.path("app.sock")).unwrap();
    let gateway = setup.gateway().await;
    let call = gateway.apart(
        "apis",
        "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".to_owned(),
    );
    let (mut upstream, _) = listener.accept().await.unwrap();
    for number in 0..2 {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(upstream.read_u8().await.unwrap()));
        }
        assert!(head.starts_with("GET /base/a HTTP/1.1\r\n"), "{head}");
        assert!(
            head.to_ascii_lowercase().contains("host: app.internal\r\n"),
            "{head}"
        );
        upstream.write_all(OK.as_bytes()).await.unwrap();
        if number == 0 {
            // Its connection is kept.
            let call = gateway.apart(
                "apis",
                "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n".to_owned(),
            );
            tokio::spawn(call);
        }
    }
    assert_eq!(call.await.unwrap().unwrap().text(), "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_not_there_is_502_and_the_log_says_which_upstream() {
    let setup = Setup::open("http://app.internal", "", "{ socket: app.sock }");
    let gateway = setup.gateway().await;
    let reply = gateway.get("apis", "/", &[]).await;
    assert_eq!(reply.verdict(), is(502, "upstream_unreachable"));
    let line = &gateway.lines(1).await[0];
    assert_eq!(line["upstream"], "http://app.internal");
}
