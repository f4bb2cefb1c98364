//! HTTP/2 as a client of another make speaks it, and the same question by both protocols.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;

use super::{Gateway, PATIENCE, Reply};

/// A client on a connection of its own.
pub async fn client(gateway: &Gateway, listener: &str) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(gateway.address(listener)).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

/// Sends this of a body. Whoever was answered before it has sent all may be told to stop by a reset:
/// what was answered tells, which is read.
pub fn send(body: &mut SendStream<Bytes>, data: &'static str, is_last: bool) {
    let _ = body.send_data(Bytes::from_static(data.as_bytes()), is_last);
}

/// An answer with its whole body; fields behind it are among its headers.
pub async fn whole(answer: Response<RecvStream>) -> Result<Reply, h2::Error> {
    let (head, mut stream) = answer.into_parts();
    let mut body = Vec::new();
    let mut behind = HeaderMap::new();
    loop {
        let data = match stream.data().await {
            Some(Ok(data)) => data,
            // RFC 9113 §8.1: the answer is whole, and the rest of the request is not wanted. Which of the
            // two is seen first is a matter of time.
            Some(Err(why)) if is_stopped(&why) => break,
            Some(Err(why)) => return Err(why),
            None => {
                match stream.trailers().await {
                    Ok(fields) => behind = fields.unwrap_or_default(),
                    Err(why) if is_stopped(&why) => {}
                    Err(why) => return Err(why),
                }
                break;
            }
        };
        stream.flow_control().release_capacity(data.len())?;
        body.extend(data);
    }
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

fn is_stopped(why: &h2::Error) -> bool {
    why.is_remote() && why.is_reset() && why.reason() == Some(Reason::NO_ERROR)
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
