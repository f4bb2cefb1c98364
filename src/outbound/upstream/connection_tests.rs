use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::definition::tests::definition;
use super::*;
use crate::edge::Socket;

/// A connection that has served one request, and the upstream's end of it.
async fn used() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ours = TcpStream::connect(address).await.unwrap();
    let (mut theirs, _) = listener.accept().await.unwrap();
    let mut connection = Connection::begin(Socket::Plain(ours), None, &definition("127.0.0.1"))
        .await
        .unwrap();
    let answering = async {
        read_head(&mut theirs).await;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        theirs.write_all(answer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(connection.exchange(request(), |_| {}), answering);
    assert_eq!(answer.unwrap().status(), 200);
    assert!(connection.is_good());
    (connection, theirs)
}

async fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
}

fn request() -> Request<RequestBody> {
    let mut request = Request::new(RequestBody::none());
    request
        .headers_mut()
        .insert("host", "a.example".parse().unwrap());
    request
}

/// Waits until what the upstream did is there to be read.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn a_request_that_meets_a_closed_connection_comes_back_at_once() {
    // Closed after it was looked at, and before the request is put to it.
    let (mut connection, theirs) = used().await;
    drop(theirs);
    settled().await;
    let why = connection.exchange(request(), |_| {}).await.unwrap_err();
    assert!(matches!(why, ExchangeError::NotSent(_)), "{why}");
    assert!(!connection.is_free());
}

#[tokio::test]
async fn what_is_closed_or_speaks_unasked_is_not_good() {
    let (mut connection, theirs) = used().await;
    drop(theirs);
    settled().await;
    assert!(!connection.is_good());

    let (mut connection, mut theirs) = used().await;
    theirs.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
    settled().await;
    assert!(!connection.is_good());
}

#[tokio::test]
async fn one_that_was_not_answered_says_so() {
    let (mut connection, mut theirs) = used().await;
    let leaving = async {
        read_head(&mut theirs).await;
        drop(theirs);
    };
    let (answer, ()) = tokio::join!(connection.exchange(request(), |_| {}), leaving);
    let why = answer.unwrap_err();
    assert!(matches!(why, ExchangeError::Unanswered), "{why}");
}

#[tokio::test]
async fn one_that_is_silent_is_given_up() {
    let (mut connection, mut theirs) = used().await;
    connection.patience = Duration::from_millis(30);
    let silent = async {
        read_head(&mut theirs).await;
        theirs
    };
    let (answer, theirs) = tokio::join!(connection.exchange(request(), |_| {}), silent);
    let why = answer.unwrap_err();
    assert!(matches!(why, ExchangeError::TimedOut(_)), "{why}");
    drop(theirs);
}

#[tokio::test]
async fn what_came_before_a_request_is_not_its_answer() {
    let stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray";
    let (mut connection, mut theirs) = used().await;
    theirs.write_all(stray).await.unwrap();
    settled().await;
    // Without a look at it before, as a careless pool would.
    let why = connection.exchange(request(), |_| {}).await.unwrap_err();
    assert!(!matches!(why, ExchangeError::TimedOut(_)), "{why}");
}
