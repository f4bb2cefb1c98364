//! HTTP/2 by hand: a connection whose frames are the test's, and what comes back on it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::PATIENCE;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;

    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;

    /// On the wire.
    pub fn bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// The code of a reset.
    pub fn code(&self) -> u32 {
        let at = usize::from(self.kind == Self::GOAWAY) * 4;
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// A field as a literal that no table keeps, byte for byte (RFC 7541 §6.2.2).
pub fn field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        let mut length = text.len();
        if length < 127 {
            field.push(u8::try_from(length).unwrap());
        } else {
            field.push(127);
            length -= 127;
            while length >= 128 {
                field.push(u8::try_from(length % 128).unwrap() | 128);
                length /= 128;
            }
            field.push(u8::try_from(length).unwrap());
        }
        field.extend(text);
    }
    field
}

pub fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let each = fields.iter();
    each.flat_map(|(name, value)| field(name.as_bytes(), value.as_bytes()))
        .collect()
}

/// One connection, spoken to in frames.
pub struct Frames {
    stream: TcpStream,
    held: Vec<u8>,
}

impl Frames {
    /// Opens and begins one.
    pub async fn open(address: SocketAddr) -> Self {
        let mut frames = Self::silent(address).await;
        frames.begin().await;
        frames
    }

    /// Nothing is said yet.
    pub async fn silent(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// On a connection that is there.
    pub fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            held: Vec::new(),
        }
    }

    /// The preface, and settings that say nothing.
    pub async fn begin(&mut self) {
        self.send(PREFACE).await;
        self.put(Frame::SETTINGS, 0, 0, &[]).await;
    }

    /// False where the other side does not take it any more.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes));
        sent.await.expect("it is taken").is_ok()
    }

    pub async fn put(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.send(&Frame::bytes(kind, flags, stream, payload)).await
    }

    /// A head, which is all of its request.
    pub async fn ask(&mut self, stream: u32, head: &[u8]) {
        let flags = Frame::END_STREAM | Frame::END_HEADERS;
        self.put(Frame::HEADERS, flags, stream, head).await;
    }

    /// The next frame; `None`: the other side has ended the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let reading = async {
            loop {
                if let Some(frame) = self.take() {
                    return Some(frame);
                }
                let mut buf = [0; 16 * 1024];
                match self.stream.read(&mut buf).await {
                    Ok(0) | Err(_) => return None,
                    Ok(bytes) => self.held.extend(&buf[..bytes]),
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reading).await;
        waited.expect("a frame, or the end")
    }

    fn take(&mut self) -> Option<Frame> {
        let [a, b, c, kind, flags, s, t, u, v] = *self.held.first_chunk::<9>()?;
        let end = 9 + u32::from_be_bytes([0, a, b, c]) as usize;
        let payload = self.held.get(9..end)?.to_vec();
        self.held.drain(..end);
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s, t, u, v]),
            payload,
        })
    }

    /// Reads on to a frame of this kind; `None`: the connection ended first.
    pub async fn until(&mut self, kind: u8) -> Option<Frame> {
        loop {
            match self.next().await {
                Some(frame) if frame.kind != kind => {}
                found => return found,
            }
        }
    }

    /// What becomes of a stream: the bytes of its answer's body, or the code of its reset.
    pub async fn outcome(&mut self, stream: u32) -> Result<String, u32> {
        let mut body = Vec::new();
        loop {
            let Some(frame) = self.next().await else {
                return Err(u32::MAX);
            };
            match frame.kind {
                Frame::GOAWAY if frame.code() != 0 => return Err(frame.code()),
                _ if frame.stream != stream => continue,
                Frame::RST_STREAM => return Err(frame.code()),
                Frame::DATA => body.extend(&frame.payload),
                _ => {}
            }
            let has_end = [Frame::DATA, Frame::HEADERS].contains(&frame.kind);
            if has_end && frame.flags & Frame::END_STREAM != 0 {
                return Ok(String::from_utf8_lossy(&body).into_owned());
            }
        }
    }
}
