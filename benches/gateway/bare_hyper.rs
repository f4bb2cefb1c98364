//! hyper on both sides and nothing else, as its examples have it: a task for each connection, and a
//! stack of upstream connections that are free.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

type Free = Rc<RefCell<Vec<SendRequest<Incoming>>>>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Until it is killed; prints where it listens.
pub(super) fn run(upstream: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, serve(upstream.to_owned()));
}

async fn serve(upstream: String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let (upstream, free): (Rc<str>, _) = (upstream.into(), Free::default());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (upstream, free) = (Rc::clone(&upstream), Rc::clone(&free));
        let service = service_fn(move |request| {
            let (upstream, free) = (Rc::clone(&upstream), Rc::clone(&free));
            async move { forward(request, &upstream, free).await }
        });
        tokio::task::spawn_local(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

async fn forward(
    request: Request<Incoming>,
    upstream: &str,
    free: Free,
) -> Result<Response<Returning>, Failure> {
    let taken = free.borrow_mut().pop();
    let mut sender = match taken {
        Some(sender) => sender,
        None => connect(upstream).await?,
    };
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    Ok(answer.map(|body| Returning {
        body,
        sender: Some(sender),
        free,
    }))
}

async fn connect(upstream: &str) -> Result<SendRequest<Incoming>, Failure> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

/// An answer's body; its connection is free when it has been read.
struct Returning {
    body: Incoming,
    sender: Option<SendRequest<Incoming>>,
    free: Free,
}

impl Body for Returning {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            self.free.borrow_mut().push(sender);
        }
    }
}
