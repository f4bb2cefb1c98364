//! What an upstream says by HTTP/2 that is no HTTP/2: each is 502, and told without quoting it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Setup, is};

use super::{asked, get};

/// A frame: its type, its flags, its stream.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags, 0, 0, 0, stream]);
    frame.extend(payload);
    frame
}

/// Reads up to a request's head: before that was sent, it could be sent again.
async fn until_asked(upstream: &mut TcpStream) {
    loop {
        let mut head = [0; 9];
        upstream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let length = usize::try_from(length).unwrap();
        upstream.read_exact(&mut vec![0; length]).await.unwrap();
        if head[3] == 1 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_http_2_is_502() {
    // HPACK: `:status: 200` is 0x88; a literal without a name of the table begins with 0x00.
    let field = |name: &str, value: &str| {
        let mut bytes = vec![0, u8::try_from(name.len()).unwrap()];
        bytes.extend(name.bytes());
        bytes.push(u8::try_from(value.len()).unwrap());
        bytes.extend(value.bytes());
        bytes
    };
    let head = |fields: &[(&str, &str)]| {
        let fields = fields.iter().flat_map(|(name, value)| field(name, value));
        let block: Vec<u8> = [0x88].into_iter().chain(fields).collect();
        frame(1, 5, 1, &block)
    };
    let settings = frame(4, 0, 0, &[]);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        (
            "http/1.1",
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        ("garbage", vec![0xff; 100]),
        ("no settings", head(&[])),
        (
            "data before its head",
            [settings.clone(), frame(0, 1, 1, b"hello")].concat(),
        ),
        (
            "a field of one connection",
            [settings.clone(), head(&[("connection", "close")])].concat(),
        ),
        (
            "a coding",
            [settings.clone(), head(&[("transfer-encoding", "chunked")])].concat(),
        ),
        (
            "an upper case name",
            [settings.clone(), head(&[("X-A", "b")])].concat(),
        ),
        (
            "a line end",
            [settings.clone(), head(&[("x-a", "b\r\nx-c: d")])].concat(),
        ),
        (
            "two lengths",
            [
                settings.clone(),
                head(&[("content-length", "1"), ("content-length", "2")]),
            ]
            .concat(),
        ),
        (
            "no length",
            [settings.clone(), head(&[("content-length", "x")])].concat(),
        ),
        (
            "a length and nothing",
            [settings.clone(), head(&[("content-length", "5")])].concat(),
        ),
        (
            "two statuses",
            [settings.clone(), head(&[(":status", "200")])].concat(),
        ),
        (
            "no status",
            [settings.clone(), frame(1, 5, 1, &field("x-a", "b"))].concat(),
        ),
        (
            "101",
            [settings.clone(), frame(1, 4, 1, &field(":status", "101"))].concat(),
        ),
        (
            "a promise",
            [
                settings.clone(),
                frame(5, 4, 1, &[0, 0, 0, 2, 0x82, 0x84, 0x86]),
            ]
            .concat(),
        ),
        (
            "a stream that nobody opened",
            [settings.clone(), frame(1, 5, 3, &[0x88])].concat(),
        ),
        (
            "a window of nothing",
            [settings.clone(), frame(8, 0, 0, &[0; 4])].concat(),
        ),
        (
            "too large a frame",
            [settings.clone(), frame(0, 0, 1, &[0; 20_000])].concat(),
        ),
        (
            "an endless head",
            [
                settings.clone(),
                frame(1, 0, 1, &[0x88]),
                frame(9, 0, 1, &field("x-a", &"b".repeat(100))).repeat(2000),
            ]
            .concat(),
        ),
        (
            "a bomb",
            [
                settings.clone(),
                // One large field goes into the table, and is then named a thousand times.
                frame(
                    1,
                    5,
                    1,
                    &[
                        &[0x88, 0x40, 1, b'a', 0x7f, 0x81, 0x1e][..],
                        &[b'b'; 4000],
                        &[0xbe; 10_000],
                    ]
                    .concat(),
                ),
            ]
            .concat(),
        ),
    ];
    for (what, bytes) in rows {
        let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", origin.local_addr().unwrap());
        let upstream = "{ protocol: h2c, timeouts: { response: 5s } }";
        let gateway = Setup::open(&url, "", upstream).gateway().await;
        let mut caller = asked(&gateway, &get("/")).await;
        let mut upstream = origin.accept().await.unwrap().0;
        upstream.read_exact(&mut [0; 24]).await.unwrap();
        if bytes.starts_with(&settings) {
            upstream.write_all(&settings).await.unwrap();
            until_asked(&mut upstream).await;
        }
        let _ = upstream.write_all(&bytes).await;
        let reply = caller.reply().await.expect("an answer");
        assert_eq!(reply.verdict(), is(502, "upstream_failed"), "{what}");
        let line = &gateway.lines(1).await[0];
        assert!(
            !line["detail"].as_str().unwrap().contains("bbb"),
            "{what}: {line}"
        );
    }
}
