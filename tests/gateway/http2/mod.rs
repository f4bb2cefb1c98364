//! HTTP/2 through the whole gateway.

mod attacks;
mod bodies;
mod floods;
mod grpc;
mod lives;
mod requests;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;

use crate::support::{Answering, Gateway, Origin, PATIENCE, Reply, Setup, fields, whole};

pub const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A public route to an upstream that answers by itself, behind a listener that speaks both.
pub async fn world(listener: &str) -> (Answering, Gateway) {
    let origin = Origin::open().await.answering(|_| ANSWER.to_owned());
    let gateway = before(&origin.url, listener).await;
    (origin, gateway)
}

/// The same before any upstream.
pub async fn before(url: &str, listener: &str) -> Gateway {
    let setup = Setup::open(url, "protocols: [http1, h2c]", "");
    setup.put("/listeners/apis", listener).gateway().await
}

pub fn get(target: &str) -> Request<()> {
    let target = format!("http://a.example{target}");
    Request::get(target).body(()).unwrap()
}

/// Asks without a body.
pub async fn ask(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
) -> Result<Reply, h2::Error> {
    let asking = async {
        let (answer, _) = client.send_request(request, true)?;
        whole(answer.await?).await
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    asked.expect("an answer in time")
}

/// A head as every client sends it, with more behind.
pub fn head(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", path),
    ];
    fields(&[&pseudo, more].concat())
}
