//! What is repeated when it failed, and what never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{asked, before, ok, repetitions};
use crate::support::{Answering, Gateway, Origin, is};

const BROKEN: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";

fn request(method: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A place that takes each request whole and closes without a word.
async fn taking() -> (String, Arc<AtomicUsize>) {
    let origin = Origin::open().await;
    let (url, count) = (origin.url(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let mut connection = origin.accept().await;
            if connection.head().await.is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (url, count)
}

async fn answering(answer: &'static str) -> Answering {
    Origin::open().await.answering(move |_| answer.to_owned())
}

/// How many requests of so many were answered with 200.
async fn served(gateway: &Gateway, method: &str, count: usize) -> usize {
    let mut served = 0;
    for _ in 0..count {
        let mut caller = asked(gateway, &request(method, "")).await;
        served += usize::from(caller.reply().await.expect("an answer").status == 200);
    }
    served
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_repeated_is_elsewhere_and_a_post_never_is() {
    for (method, body, again) in [
        ("GET", "", true),
        ("PUT", "0123456789", true),
        ("DELETE", "", true),
        ("POST", "0123456789", false),
        ("PATCH", "", false),
    ] {
        let (url, taken) = taking().await;
        let well = Origin::open().await.answering(|_| ok("well"));
        let gateway = before(&[url, well.url.clone()], "retries: {}")
            .gateway()
            .await;
        let mut caller = asked(&gateway, &request(method, body)).await;
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(taken.load(Ordering::SeqCst), 1, "{method}");
        match again {
            true => assert_eq!(reply.text(), "well", "{method}"),
            false => assert_eq!(reply.verdict(), is(502, "upstream_failed"), "{method}"),
        }
        let heads = well.heads();
        assert_eq!(heads.len(), usize::from(again), "{method}");
        let host = well.url.replace("http://", "Host: ");
        assert!(
            heads.iter().all(|(_, head)| head.contains(&host)),
            "{heads:?}"
        );
        let counted = repetitions(&gateway, "failed").await;
        assert_eq!(counted, f64::from(u8::from(again)), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_repeated_that_no_route_asks_for() {
    let (url, taken) = taking().await;
    let well = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let gateway = before(&[url, well.url.clone()], "").gateway().await;
    assert_eq!(served(&gateway, "GET", 4).await, 2);
    assert_eq!(taken.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_with_the_named_statuses_are_repeated_and_the_last_one_is_told() {
    let (busy, well) = (answering(BROKEN).await, answering(super::OK).await);
    let urls = [busy.url.clone(), well.url.clone()];
    let more = "{ retries: { statuses: [503] }, health: { failures: 1000 } }";
    let gateway = before(&urls, more).gateway().await;
    assert_eq!(served(&gateway, "GET", 6).await, 6);
    assert_eq!(repetitions(&gateway, "failed").await, 3.0);
    assert_eq!(served(&gateway, "POST", 6).await, 3);

    let (one, other) = (answering(BROKEN).await, answering(BROKEN).await);
    let urls = [one.url.clone(), other.url.clone()];
    let gateway = before(&urls, more).gateway().await;
    let mut caller = asked(&gateway, &request("GET", "")).await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!((reply.status, reply.text()), (503, "busy".to_owned()));
    assert_eq!(one.heads().len() + other.heads().len(), 2);
    let line = &gateway.lines(1).await[0];
    assert_eq!(
        (&line["upstream_status"], &line["upstream"]),
        (&503.into(), &(*other.url).into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_fails_as_a_whole_is_asked_hardly_more_often() {
    let busy = answering(BROKEN).await;
    let more = "retries: { most: 3, budget: 10%, statuses: [503] }";
    let gateway = before(std::slice::from_ref(&busy.url), more)
        .gateway()
        .await;
    assert_eq!(served(&gateway, "GET", 100).await, 0);
    // Ten at once, and ten in a hundred.
    let asked = busy.heads().len();
    assert!((118..=120).contains(&asked), "{asked}");
    assert_eq!(repetitions(&gateway, "failed").await, asked as f64 - 100.0);
    assert!(repetitions(&gateway, "over_budget").await > 80.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_to_keep_is_never_sent_twice() {
    let taking = Origin::open().await;
    let well = Origin::open().await.answering(|_| ok("well"));
    let urls = [taking.url(), well.url.clone()];
    let gateway = before(&urls, "retries: {}").gateway().await;
    let body = format!("{}end", "x".repeat(100 * 1024));
    let mut caller = asked(&gateway, &request("PUT", &body)).await;
    let mut upstream = taking.accept().await;
    upstream.until("xend").await.unwrap();
    drop(upstream);
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
    assert_eq!(well.heads().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_for_too_long_is_not_asked_again() {
    let silent = Origin::open().await;
    let well = Origin::open().await.answering(|_| ok("well"));
    let more = "{ retries: {}, timeouts: { response: 100ms } }";
    let gateway = before(&[silent.url(), well.url.clone()], more)
        .gateway()
        .await;
    let mut caller = asked(&gateway, &request("GET", "")).await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(504, "upstream_timeout"));
    assert_eq!(well.heads().len(), 0);
}

/// A place that answers, until it is told to take requests and close without a word; then it counts them.
async fn failing_later() -> (String, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (origin, fails, taken) = (Origin::open().await, Arc::default(), Arc::default());
    let url = origin.url();
    let (told, counted): (Arc<AtomicBool>, Arc<AtomicUsize>) =
        (Arc::clone(&fails), Arc::clone(&taken));
    tokio::spawn(async move {
        loop {
            let mut connection = origin.accept().await;
            let (told, counted) = (Arc::clone(&told), Arc::clone(&counted));
            tokio::spawn(async move {
                while connection.head().await.is_some() {
                    if told.load(Ordering::SeqCst) {
                        counted.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    // So that several are open at a time.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    connection.send(ok("well")).await;
                }
            });
        }
    });
    (url, fails, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stale_connection_and_the_repetitions_are_all_that_a_request_may_cost() {
    let (url, fails, taken) = failing_later().await;
    let gateway = before(&[url], "retries: { most: 2 }").gateway().await;
    let mut callers = Vec::new();
    for _ in 0..8 {
        callers.push(asked(&gateway, &request("GET", "")).await);
    }
    for caller in &mut callers {
        assert_eq!(caller.reply().await.expect("an answer").status, 200);
    }
    fails.store(true, Ordering::SeqCst);
    let mut caller = asked(&gateway, &request("GET", "")).await;
    let reply = caller.reply().await.expect("an answer");
    assert_eq!(reply.verdict(), is(502, "upstream_failed"));
    assert_eq!(
        taken.load(Ordering::SeqCst),
        4,
        "one, one for the stale connection, and two"
    );
}
