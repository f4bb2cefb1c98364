//! HTTP/2 as a client of another make speaks it, and the same question by both protocols.

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{Request, Response};
use tokio::net::TcpStream;

use super::{Gateway, PATIENCE, Reply};

/// A client on a connection of its own.
pub async fn client(gateway: &Gateway, listener: &str) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(gateway.address(listener)).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// An answer with its whole body; fields behind it are among its headers.
pub async fn whole(answer: Response<RecvStream>) -> Result<Reply, h2::Error> {
    let (head, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend(data);
    }
    let behind = stream.trailers().await?.unwrap_or_default();
    let fields = head.headers.iter().chain(&behind);
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: fields
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body,
    })
}

impl Gateway {
    /// A GET with header lines, by HTTP/2.
    pub async fn get_by_http2(&self, listener: &str, target: &str, lines: &[String]) -> Reply {
        let mut request = Request::get(format!("http://gateway.test{target}"));
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            request = request.header(name.to_ascii_lowercase(), value.trim());
        }
        let mut client = client(self, listener).await;
        let asking = async {
            let (answer, _) = client.send_request(request.body(()).unwrap(), true)?;
            whole(answer.await?).await
        };
        let asked = tokio::time::timeout(PATIENCE, asking).await;
        asked.expect("an answer in time").unwrap()
    }

    /// The same GET by both protocols, which must be refused, or taken, alike.
    pub async fn get_by_both(&self, listener: &str, target: &str, lines: &[String]) -> Reply {
        let reply = self.get(listener, target, lines).await;
        // What stands for no URL cannot be asked for by this client.
        if target.starts_with('/') {
            let other = self.get_by_http2(listener, target, lines).await;
            let told = |reply: &Reply| {
                let challenge = reply.header("www-authenticate").map(str::to_owned);
                (reply.verdict(), challenge)
            };
            assert_eq!(told(&other), told(&reply), "{target} {lines:?}");
        }
        reply
    }
}
