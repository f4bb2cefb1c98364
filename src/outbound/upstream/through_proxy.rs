//! The way to an upstream through a proxy that must be asked: a tunnel by CONNECT (RFC 9110 §9.3.6),
//! bounded in time and size. What goes through it is TLS with the upstream; the proxy sees its name.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::{Error, ErrorType, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{EndpointDefinition, ProxyDefinition};

/// Bytes of a proxy's answer.
const LONGEST_ANSWER: usize = 8 * 1024;
/// Fields of it.
const MOST_FIELDS: usize = 64;

/// Makes the connections of one upstream.
#[derive(Debug)]
pub(super) struct ThroughProxy {
    /// As it is told of: host and port.
    name: String,
    /// What is asked for, the upstream's host and port.
    authority: String,
    authorization: Option<HeaderValue>,
    most: Duration,
}

impl ThroughProxy {
    pub(super) fn of(proxy: &ProxyDefinition, endpoint: &EndpointDefinition) -> Self {
        Self {
            name: proxy.to_string(),
            authority: endpoint.host_and_port(),
            authorization: proxy.authorization.clone(),
            most: endpoint.connect_timeout,
        }
    }

    async fn tunnel(&self, address: &SocketAddr) -> std::result::Result<TcpStream, String> {
        let address = address.as_inet().ok_or("it has no address")?;
        let broken = |why: io::Error| why.to_string();
        let mut stream = TcpStream::connect(address).await.map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        stream.write_all(&self.request()).await.map_err(broken)?;
        let mut answer = [0; LONGEST_ANSWER];
        let mut length = 0;
        loop {
            let read = stream.read(&mut answer[length..]).await.map_err(broken)?;
            if read == 0 {
                return Err("it closed the connection without an answer".to_owned());
            }
            length += read;
            if judged(&answer[..length])? {
                return Ok(stream);
            }
            if length == answer.len() {
                return Err(format!("its answer is longer than {LONGEST_ANSWER} bytes"));
            }
        }
    }

    fn request(&self) -> Vec<u8> {
        let authority = &self.authority;
        let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        let mut request = request.into_bytes();
        if let Some(value) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }
}

/// Whether a proxy has opened the tunnel, as far as it has answered. It says nothing of its own in it:
/// whoever speaks TLS waits for the other side's first word.
fn judged(answer: &[u8]) -> std::result::Result<bool, String> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut fields);
    let end = match parsed.parse(answer) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(false),
        Err(why) => return Err(format!("its answer is not HTTP: {why}")),
    };
    match parsed.code.unwrap_or_default() {
        200..=299 if end == answer.len() => Ok(true),
        200..=299 => Err("it spoke in the tunnel before we did".to_owned()),
        407 => Err("it answered 407: it wants another user or password".to_owned()),
        code => Err(format!("it answered {code}")),
    }
}

#[async_trait]
impl Connect for ThroughProxy {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        let made = timeout(self.most, self.tunnel(address)).await;
        let late = || Err(format!("no tunnel within {:?}", self.most));
        made.unwrap_or_else(|_| late())
            .map(Stream::from)
            .map_err(|why| {
                let context = format!("through the proxy {}: {why}", self.name);
                Error::explain(ErrorType::ConnectProxyFailure, context)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_of_success_opens_the_tunnel() {
        for (answer, opened) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Ok(true)),
            ("HTTP/1.0 200 OK\r\nVia: a\r\n\r\n", Ok(true)),
            ("HTTP/1.1 200 OK\r\nVia: a\r\n", Ok(false)),
            ("HTTP/1.1 2", Ok(false)),
            ("HTTP/1.1 407 Who?\r\n\r\n", Err("407")),
            ("HTTP/1.1 403 No\r\n\r\n", Err("it answered 403")),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                Err("it answered 100"),
            ),
            ("HTTP/1.1 200 OK\r\n\r\nhello", Err("before we did")),
            ("SSH-2.0\r\n", Err("not HTTP")),
        ] {
            match (judged(answer.as_bytes()), opened) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{answer}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, _) => panic!("{answer}: {found:?}"),
            }
        }
    }
}
