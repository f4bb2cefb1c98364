//! An upstream that costs next to nothing: takes any body, answers 1 KiB, or 1 MiB below `/r0/large`,
//! keep-alive.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(serve(stream));
        }
    });
}

async fn serve(mut stream: TcpStream) {
    let (small, large) = (answer(1024), answer(1 << 20));
    let mut buffer = vec![0; 64 * 1024];
    let mut held = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer[held..]).await {
        held += read;
        let Some(end) = buffer[..held]
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
        else {
            continue;
        };
        let is_large = buffer.starts_with(b"GET /r0/large");
        let mut missing =
            (end + 4 + content_length(&buffer[..end]).unwrap_or(0)).saturating_sub(held);
        while missing > 0 {
            match stream.read(&mut buffer).await {
                Ok(read @ 1..) => missing = missing.saturating_sub(read),
                _ => return,
            }
        }
        held = 0;
        let answer = if is_large { &large } else { &small };
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn answer(length: usize) -> Vec<u8> {
    let body = "x".repeat(length);
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// What a head says of the body behind it.
pub(crate) fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length: ";
    let at = head
        .windows(NAME.len())
        .position(|some| some.eq_ignore_ascii_case(NAME))?;
    let digits = head[at + NAME.len()..].iter();
    let digits = digits.take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |sum, byte| sum * 10 + usize::from(byte - b'0')))
}
