//! HTTP by hand: a connection whose bytes are the test's, and what comes back on it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{PATIENCE, scan};

/// One connection, spoken to by hand.
pub struct Connection {
    stream: TcpStream,
    held: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            held: Vec::new(),
        }
    }

    /// Whoever has answered and left already takes nothing more: what he answered tells, which is read.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Around a connection that was accepted.
    pub fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            held: Vec::new(),
        }
    }

    /// The connection itself, of which nothing was read too much.
    pub fn into_stream(self) -> TcpStream {
        assert!(self.held.is_empty());
        self.stream
    }

    /// The next head, as text, without what follows it; `None` when the connection ended first.
    pub async fn head(&mut self) -> Option<String> {
        self.until("\r\n\r\n").await
    }

    /// What comes up to this text, the text included; `None` when the connection ended first.
    pub async fn until(&mut self, text: &str) -> Option<String> {
        let reading = async {
            loop {
                if let Some(start) = find(&self.held, text.as_bytes()) {
                    let read: Vec<u8> = self.held.drain(..start + text.len()).collect();
                    return Some(String::from_utf8_lossy(&read).into_owned());
                }
                if !self.more().await {
                    return None;
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reading).await;
        waited.unwrap_or_else(|_| panic!("{text:?} did not come"))
    }

    /// Reads so many bytes away; false when the connection ended first.
    pub async fn take(&mut self, length: usize) -> bool {
        while self.held.len() < length {
            if !self.more().await {
                return false;
            }
        }
        self.held.drain(..length);
        true
    }

    /// What comes until the other side closes.
    pub async fn rest(&mut self) -> String {
        let reading = async { while self.more().await {} };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the connection ends");
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }

    /// Whether something has come, or the end, within a moment.
    pub async fn has_something(&mut self) -> bool {
        let moment = Duration::from_millis(5);
        !self.held.is_empty() || tokio::time::timeout(moment, self.more()).await.is_ok()
    }

    /// Sends as much of this as the other side takes.
    pub async fn send_in_vain(&mut self, bytes: &[u8]) {
        let _ = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
    }

    /// Whether the other side has thrown away what we sent.
    pub fn was_reset(&self) -> bool {
        self.stream.take_error().unwrap().is_some()
    }

    /// Whether the other side ends with a reset, after what it sent.
    pub async fn is_cut_off(&mut self) -> bool {
        let mut rest = [0; 1024];
        let reading = async {
            loop {
                match self.stream.read(&mut rest).await {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(_) => return true,
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the connection ends")
    }

    /// Ends it as a process that dies does: with a reset.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// The next answer with its whole body; `None` when the connection ended without one.
    pub async fn reply(&mut self) -> Option<Reply> {
        let reply = tokio::time::timeout(PATIENCE, self.read_reply());
        let reply = reply.await.expect("no answer in time");
        if let Some(ours) = reply.as_ref().filter(|reply| !reply.reason().is_empty()) {
            scan::look("an answer", &format!("{:?}{}", ours.headers, ours.text()));
        }
        reply
    }

    /// Whether the other side has closed, reading away what is left.
    pub async fn closed(&mut self) -> bool {
        let mut rest = [0; 1024];
        let read = async {
            loop {
                match self.stream.read(&mut rest).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.is_ok()
    }

    async fn read_reply(&mut self) -> Option<Reply> {
        let end = loop {
            if let Some(end) = find(&self.held, b"\r\n\r\n") {
                break end;
            }
            if !self.more().await {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.held[..end]).into_owned();
        self.held.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        if let Some(length) = reply
            .header("content-length")
            .and_then(|text| text.parse().ok())
        {
            while self.held.len() < length {
                if !self.more().await {
                    break;
                }
            }
            let length = length.min(self.held.len());
            reply.body = self.held.drain(..length).collect();
        } else if reply.header("transfer-encoding").is_some() {
            self.read_chunks(&mut reply.body).await;
        } else if reply.header("connection") == Some("close") {
            while self.more().await {}
            reply.body = std::mem::take(&mut self.held);
        }
        Some(reply)
    }

    async fn read_chunks(&mut self, body: &mut Vec<u8>) {
        loop {
            let line = loop {
                if let Some(end) = find(&self.held, b"\r\n") {
                    break end;
                }
                if !self.more().await {
                    return;
                }
            };
            let size = String::from_utf8_lossy(&self.held[..line]).into_owned();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            while self.held.len() < line + 2 + size + 2 {
                if !self.more().await {
                    return;
                }
            }
            body.extend_from_slice(&self.held[line + 2..line + 2 + size]);
            self.held.drain(..line + 2 + size + 2);
            if size == 0 {
                return;
            }
        }
    }

    async fn more(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.held.extend_from_slice(&chunk[..read]);
                true
            }
        }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a field that may come more than once.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.headers.iter().filter(|(known, _)| known == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Its status and its reason.
    pub fn verdict(&self) -> (u16, String) {
        (self.status, self.reason())
    }

    /// The problem's `reason`, or nothing where the gateway did not answer by itself.
    pub fn reason(&self) -> String {
        match self.header("content-type") {
            Some("application/problem+json") => self.json()["reason"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            _ => String::new(),
        }
    }
}

/// What a verdict should be.
pub fn is(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() {
        return Some(0);
    }
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
