//! What the log and the metrics say of an upstream: where, what it answered, how long it took, and
//! why it refused our token.

use crate::support::{GRAPH, Origin, Setup, contoso, is};

use super::{asked, get, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstreams_answer_is_told_in_the_line_and_counted_by_its_class() {
    let (origin, gateway) = world("", "").await;
    let mut caller = asked(&gateway, &get("/")).await;
    let mut upstream = origin.accept().await;
    upstream.head().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    upstream
        .send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(caller.reply().await.unwrap().status, 503);
    let line = &gateway.lines(1).await[0];
    assert_eq!(line["upstream"], origin.url());
    assert_eq!(line["upstream_status"], 503);
    let (theirs, all) = (&line["upstream_ms"], &line["duration_ms"]);
    let (theirs, all) = (theirs.as_f64().unwrap(), all.as_f64().unwrap());
    assert!((50.0..=all).contains(&theirs), "{line}");
    let labels = "outcome=\"allowed\",reason=\"\",route=\"open\",status=\"5xx\"";
    let series = format!("bearergate_requests_total{{{labels}}}");
    assert_eq!(gateway.metric(&series).await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_is_not_there_is_named_and_has_no_status() {
    let gateway = Setup::open("http://127.0.0.1:1", "", "").gateway().await;
    let reply = gateway.get("apis", "/", &[]).await;
    assert_eq!(reply.verdict(), is(502, "upstream_unreachable"));
    let nowhere = gateway.get("apis", "/..", &[]).await;
    assert_eq!(nowhere.status, 400);
    let lines = gateway.lines(2).await;
    assert_eq!(lines[0]["upstream"], "http://127.0.0.1:1");
    assert_eq!(lines[0]["level"], "WARN");
    assert!(lines[0].get("upstream_status").is_none());
    assert!(lines[1].get("upstream").is_none(), "it went nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_upstream_said_when_it_refused_our_token_is_in_the_log() {
    let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"of eyJhbGciOi"}}"#;
    let answer = format!(
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\
         request-id: 4d6f-77\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let origin = Origin::open().await.answering(move |_| answer.clone());
    let setup = Setup::mail(contoso());
    let setup = setup.route("refused", &origin.url, "mail-daemon", GRAPH);
    let gateway = setup.gateway().await;
    let reply = gateway.ask("/refused/x").await;
    assert_eq!(reply.verdict(), is(502, "upstream_refused_token"));
    assert!(!reply.text().contains("4d6f-77"), "the caller is not told");
    let line = &gateway.lines(1).await[0];
    let expected = "the upstream answered 401, code InvalidAuthenticationToken, \
                    error invalid_token, request-id 4d6f-77; so it did to the token before";
    assert_eq!(line["detail"], expected);
    assert_eq!(line["upstream_status"], 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_whose_body_never_ends_is_told_all_the_same() {
    let answer = "HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\n{";
    let origin = Origin::open().await.answering(|_| answer.to_owned());
    let setup = Setup::mail(contoso());
    let setup = setup.route("refused", &origin.url, "mail-daemon", GRAPH);
    let gateway = setup.gateway().await;
    let reply = gateway.ask("/refused/x").await;
    assert_eq!(reply.verdict(), is(502, "upstream_refused_token"));
    let line = &gateway.lines(1).await[0];
    let expected = "the upstream answered 401; so it did to the token before";
    assert_eq!(line["detail"], expected);
}
