//! Upstreams by HTTP/2, whose every request is the test's to answer.

use std::net::SocketAddr;
use std::pin::Pin;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Response};
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, select_next_proto};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_openssl::SslStream;

use super::PATIENCE;
use super::certificate::self_signed;

/// An upstream that speaks HTTP/2, in clear or over TLS.
pub struct Http2Origin {
    listener: TcpListener,
    tls: Option<(SslAcceptor, Vec<u8>)>,
}

/// One connection of the gateway's, and what is asked on it.
pub struct Http2Connection {
    asked: mpsc::Receiver<Asked>,
    orders: mpsc::Sender<Order>,
    /// What was agreed on by ALPN.
    pub alpn: Option<Vec<u8>>,
}

/// A request, to be answered.
pub struct Asked {
    pub head: http::request::Parts,
    pub body: RecvStream,
    pub answer: SendResponse<Bytes>,
}

enum Order {
    /// GOAWAY, and what is under way goes on.
    Leave,
    /// GOAWAY with a reason, and the end.
    Break(Reason),
    /// The end, without a word.
    Drop,
}

impl Http2Origin {
    pub async fn open() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            tls: None,
        }
    }

    /// Over TLS, for `localhost`; it agrees to what of `protocols` is offered (as ALPN writes them).
    pub async fn open_tls(protocols: &'static [u8]) -> Self {
        let (certificate, key) = self_signed(&["localhost"]);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        acceptor.set_private_key(&key).unwrap();
        acceptor.set_alpn_select_callback(move |_, offered| {
            select_next_proto(protocols, offered).ok_or(AlpnError::NOACK)
        });
        Self {
            tls: Some((acceptor.build(), certificate.to_pem().unwrap())),
            ..Self::open().await
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub fn url(&self) -> String {
        match self.tls {
            None => format!("http://{}", self.address()),
            Some(_) => format!("https://localhost:{}", self.address().port()),
        }
    }

    /// The certificate that signs itself.
    pub fn ca_pem(&self) -> &[u8] {
        &self.tls.as_ref().expect("over TLS").1
    }

    pub async fn accept(&self) -> Http2Connection {
        self.accept_with(Builder::new()).await
    }

    /// The next connection, with these settings.
    pub async fn accept_with(&self, builder: Builder) -> Http2Connection {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        let stream = accepted.expect("the gateway connects").unwrap().0;
        self.serve(stream, builder).await
    }

    /// Whether nobody is waiting to be accepted.
    pub async fn is_left_alone(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = std::future::ready(()) => true,
        }
    }

    /// The next connection over TLS, to be spoken to by hand.
    pub async fn accept_tls(&self) -> SslStream<TcpStream> {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        self.encrypted(accepted.expect("the gateway connects").unwrap().0)
            .await
    }

    async fn encrypted(&self, stream: TcpStream) -> SslStream<TcpStream> {
        let (acceptor, _) = self.tls.as_ref().expect("over TLS");
        let ssl = Ssl::new(acceptor.context()).unwrap();
        let mut stream = SslStream::new(ssl, stream).unwrap();
        Pin::new(&mut stream).accept().await.unwrap();
        stream
    }

    async fn serve(&self, stream: TcpStream, builder: Builder) -> Http2Connection {
        if self.tls.is_none() {
            return spawned(stream, builder, None);
        }
        let stream = self.encrypted(stream).await;
        let alpn = stream.ssl().selected_alpn_protocol().map(<[u8]>::to_vec);
        spawned(stream, builder, alpn)
    }
}

fn spawned(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    builder: Builder,
    alpn: Option<Vec<u8>>,
) -> Http2Connection {
    let (send, asked) = mpsc::channel(1000);
    let (orders, mut told) = mpsc::channel(1);
    tokio::spawn(async move {
        let Ok(mut connection) = builder.handshake(stream).await else {
            return;
        };
        loop {
            tokio::select! {
                order = told.recv() => match order {
                    Some(Order::Leave) => connection.graceful_shutdown(),
                    Some(Order::Break(reason)) => connection.abrupt_shutdown(reason),
                    Some(Order::Drop) | None => return,
                },
                came = connection.accept() => match came {
                    Some(Ok((request, answer))) => {
                        let (head, body) = request.into_parts();
                        let _ = send.send(Asked { head, body, answer }).await;
                    }
                    Some(Err(_)) | None => return,
                },
            }
        }
    });
    Http2Connection {
        asked,
        orders,
        alpn,
    }
}

impl Http2Connection {
    /// The next request.
    pub async fn asked(&mut self) -> Asked {
        let asked = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        asked
            .expect("a request comes")
            .expect("the connection lives")
    }

    /// Whether no request is waiting.
    pub fn is_left_alone(&mut self) -> bool {
        self.asked.try_recv().is_err()
    }

    /// Waits until the gateway has let go of it.
    pub async fn ended(&mut self) -> bool {
        let ended = async { while self.asked.recv().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended).await.is_ok()
    }

    pub async fn leave(&self) {
        let _ = self.orders.send(Order::Leave).await;
    }

    pub async fn break_off(&self, reason: Reason) {
        let _ = self.orders.send(Order::Break(reason)).await;
    }

    pub async fn drop_it(&self) {
        let _ = self.orders.send(Order::Drop).await;
    }
}

impl Asked {
    pub fn target(&self) -> &str {
        self.head.uri.path()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// All of the body, and the trailers behind it.
    pub async fn read(&mut self) -> (Vec<u8>, Option<HeaderMap>) {
        let mut all = Vec::new();
        let reading = async {
            while let Some(data) = self.body.data().await {
                let data = data.unwrap();
                let _ = self.body.flow_control().release_capacity(data.len());
                all.extend_from_slice(&data);
            }
            self.body.trailers().await.unwrap()
        };
        let trailers = tokio::time::timeout(PATIENCE, reading).await;
        let trailers = trailers.expect("the body comes to its end");
        (all, trailers)
    }

    /// The next piece of the body.
    pub async fn piece(&mut self) -> Vec<u8> {
        let piece = tokio::time::timeout(PATIENCE, self.body.data()).await;
        let piece = piece
            .expect("a piece comes")
            .expect("the body goes on")
            .unwrap();
        let _ = self.body.flow_control().release_capacity(piece.len());
        piece.to_vec()
    }

    pub fn reset(mut self, reason: Reason) {
        self.answer.send_reset(reason);
    }

    /// Answers wholly.
    pub fn say(self, status: u16, body: &'static str) {
        self.say_with(Response::builder().status(status), body);
    }

    pub fn say_with(mut self, head: http::response::Builder, body: &'static str) {
        let mut stream = self
            .answer
            .send_response(head.body(()).unwrap(), false)
            .unwrap();
        stream
            .send_data(Bytes::from_static(body.as_bytes()), true)
            .unwrap();
    }

    /// The head of an answer, whose body the test sends.
    pub fn begin(&mut self, head: http::response::Builder) -> h2::SendStream<Bytes> {
        let head = head.body(()).unwrap();
        self.answer.send_response(head, false).unwrap()
    }
}
