//! HTTP/2 through the whole gateway.

mod requests;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::net::TcpStream;

use crate::support::{Answering, Gateway, Origin, PATIENCE, Setup};

pub const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A public route to an upstream that answers by itself, behind a listener that speaks both.
pub async fn world(listener: &str) -> (Answering, Gateway) {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let setup = Setup::open(&origin.url, "protocols: [http1, h2c]", "");
    let gateway = setup.put("/listeners/apis", listener).gateway().await;
    (origin, gateway)
}

/// A client of its own connection.
pub async fn client(gateway: &Gateway, listener: &str) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(gateway.address(listener)).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

pub fn get(target: &str) -> Request<()> {
    let target = format!("http://a.example{target}");
    Request::get(target).body(()).unwrap()
}

/// An answer with its whole body.
pub struct Whole {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Whole {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub async fn whole(answer: Response<h2::RecvStream>) -> Result<Whole, h2::Error> {
    let (head, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend(data);
    }
    Ok(Whole {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Asks without a body.
pub async fn ask(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
) -> Result<Whole, h2::Error> {
    let asking = async {
        let (answer, _) = client.send_request(request, true)?;
        whole(answer.await?).await
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    asked.expect("an answer in time")
}
