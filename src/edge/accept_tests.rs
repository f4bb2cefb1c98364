use std::io;

use super::super::tests_support::{BUG, Running, SHORT, UNHURRIED};
use super::*;
use crate::edge::{Bound, Limits};

fn at_most(connections: usize) -> Limits {
    Limits {
        connections,
        ..Limits::default()
    }
}

#[test]
fn a_taken_port_is_an_error_at_once() {
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let first = Bound::at(&any.into()).unwrap();
    let again = Bound::at(&first.address().unwrap());
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[tokio::test]
async fn where_nobody_is_idle_one_more_is_closed_and_a_freed_place_is_taken_again() {
    let running = Running::start(at_most(2), UNHURRIED, None);
    let mut served = [running.connect().await, running.connect().await];
    for client in &mut served {
        client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
        running.a_request_is_held().await;
    }
    for refused in 1..=3 {
        assert_eq!(running.connect().await.rest().await, "");
        assert_eq!(running.refused("limit"), refused);
    }
    assert_eq!(running.edge.open_connections(), 2);
    running.held.add_permits(2);
    for client in &mut served {
        let answer = client.answer().await;
        assert!(answer.ends_with("held"), "those inside are not disturbed");
    }
    let [first, second] = served;
    drop(second);
    running
        .eventually("the place is free", || running.edge.open_connections() == 1)
        .await;
    assert!(running.connect().await.get("/").await.ends_with("ok"));
    drop(first);
    running
        .eventually("all are gone", || running.edge.open_connections() == 0)
        .await;
    assert_eq!(
        running.count("bearergate_connections{listener=\"test\"} "),
        0
    );
    assert_eq!(
        running.count("bearergate_connections_total{listener=\"test\"} "),
        3
    );
}

#[tokio::test]
async fn one_that_cannot_be_taken_in_ends_and_the_next_one_is_accepted() {
    let running = Running::start(Limits::default(), UNHURRIED, None);
    for panics in 1..=3 {
        assert_eq!(running.connect_from(BUG).await.rest().await, "");
        assert!(running.connect().await.get("/").await.ends_with("ok"));
        assert_eq!(running.refused("panic"), panics);
    }
    running
        .eventually("all are gone", || running.edge.open_connections() == 0)
        .await;
    assert_eq!(
        running.count("bearergate_connections{listener=\"test\"} "),
        0
    );
}

#[tokio::test]
async fn after_stop_nothing_is_accepted_and_what_is_open_is_answered_and_closed() {
    let running = Running::start(Limits::default(), UNHURRIED, None);
    let mut idle = running.connect().await;
    assert!(idle.get("/").await.ends_with("ok"));
    let silent = &mut running.connect().await;
    let mut busy = running.connect().await;
    busy.send("GET /held HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    running.a_request_is_held().await;
    running
        .eventually("three connections", || running.edge.open_connections() == 3)
        .await;

    running.stop.send(true).unwrap();
    running.accepting.await.unwrap();
    let refused = tokio::net::TcpStream::connect(running.address).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");

    running.held.add_permits(1);
    let answer = busy.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("held"), "{answer}");
}

#[tokio::test]
async fn nobody_left_to_stop_it_stops_it() {
    let running = Running::start(Limits::default(), UNHURRIED, None);
    drop(running.stop);
    running.accepting.await.unwrap();
}

#[tokio::test]
async fn other_bounds_hold_for_who_comes_later_and_of_too_many_the_idle_make_room() {
    let running = Running::start(at_most(10), UNHURRIED, None);
    let mut before = Vec::new();
    for _ in 0..5 {
        let mut client = running.connect().await;
        assert!(client.get("/").await.ends_with("ok"));
        before.push(client);
    }
    let mut half = running.connect().await;
    half.send("GET / HTTP/1.1\r\n").await;
    let mut settings = (*running.edge.settings()).clone();
    settings.limits.connections = 3;
    settings.limits.header = 100;
    running.edge.redefine(settings.clone());
    let mut later = running.connect().await;
    let long = format!("/?{}", "x".repeat(100));
    later
        .send(&format!("GET {long} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .await;
    let refused = later.rest().await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    running
        .eventually("three are left", || running.edge.open_connections() <= 3)
        .await;
    assert_eq!(running.refused("evicted"), 4);
    let mut youngest = before.pop().unwrap();
    let answer = youngest.get(&long).await;
    assert!(answer.ends_with("ok"), "it goes on as it began: {answer}");
    half.send("Host: a\r\n\r\n").await;
    assert!(half.answer().await.ends_with("ok"));

    settings.timeouts.header = SHORT;
    running.edge.redefine(settings);
    running.the_header_deadline_passes().await;
}

#[test]
fn only_errors_of_one_connection_are_passed_over() {
    for kind in [ErrorKind::ConnectionAborted, ErrorKind::Interrupted] {
        assert!(is_of_one_connection(kind), "{kind}");
    }
    // EMFILE, ENFILE, ENOMEM, EINVAL
    for code in [24, 23, 12, 22] {
        let kind = io::Error::from_raw_os_error(code).kind();
        assert!(!is_of_one_connection(kind), "{kind}");
    }
}
