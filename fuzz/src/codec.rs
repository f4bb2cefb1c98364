//! The codec above the walker: what does it read in what has passed? On connections in memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;

/// More polls than any connection in memory needs.
const PATIENCE: usize = 100_000;

/// One message as the codec has read it.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// Method and target, or status.
    pub start: String,
    pub fields: Vec<(String, Vec<u8>)>,
    /// `None`: the codec found it broken off or wrong.
    pub body: Option<Vec<u8>>,
}

/// What a server of the codec receives, and whether it ends the connection without complaint.
pub fn requests(bytes: &[u8]) -> (Vec<Received>, bool) {
    let received = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let received = Rc::clone(&received);
        async move {
            let start = format!("{} {}", request.method(), request.uri());
            let fields = fields(request.headers());
            let body = request.into_body().collect().await;
            let body = body.ok().map(|body| body.to_bytes().to_vec());
            received.borrow_mut().push(Received {
                start,
                fields,
                body,
            });
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let wire = Wire::new(bytes, false);
    let connection = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .auto_date_header(false)
        .serve_connection(wire, service);
    let ended = run(connection).is_ok();
    (received.take(), ended)
}

/// What a client of the codec receives; `None`: nothing that it can read.
pub fn answer(bytes: &[u8], to_head: bool) -> Option<Received> {
    let wire = Wire::new(bytes, true);
    let both = async move {
        let shaken = hyper::client::conn::http1::handshake(wire).await;
        let (mut sender, connection) = shaken.ok()?;
        let mut request = Request::new(Empty::<Bytes>::new());
        if to_head {
            *request.method_mut() = Method::HEAD;
        }
        let asked = pin!(async move {
            let answer = sender.send_request(request).await.ok()?;
            let start = answer.status().as_u16().to_string();
            let fields = fields(answer.headers());
            let body = answer.into_body().collect().await;
            let body = body.ok().map(|body| body.to_bytes().to_vec());
            Some(Received {
                start,
                fields,
                body,
            })
        });
        let mut asked = asked;
        let mut connection = pin!(connection);
        let mut is_over = false;
        std::future::poll_fn(move |context| {
            if !is_over {
                is_over = connection.as_mut().poll(context).is_ready();
            }
            asked.as_mut().poll(context)
        })
        .await
    };
    run(both)
}

fn fields(map: &http::HeaderMap) -> Vec<(String, Vec<u8>)> {
    let all = map
        .iter()
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..PATIENCE {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
    panic!("the codec waits for ever");
}

/// A connection on which all has been sent, and then closed.
struct Wire {
    sent: Vec<u8>,
    read: usize,
    /// Nothing is read before something was written.
    waits: bool,
}

impl Wire {
    fn new(bytes: &[u8], waits: bool) -> Self {
        Self {
            sent: bytes.to_vec(),
            read: 0,
            waits,
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.waits {
            return Poll::Pending;
        }
        let rest = &self.sent[self.read..];
        let count = rest.len().min(into.remaining());
        into.put_slice(&rest[..count]);
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.waits = false;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
