//! An upstream that costs next to nothing: a 1 KiB answer to every request, keep-alive.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n{}",
                    "x".repeat(1024)
                );
                let mut buffer = [0; 16 * 1024];
                let mut held = 0;
                while let Ok(read) = stream.read(&mut buffer[held..]).await {
                    if read == 0 {
                        return;
                    }
                    held += read;
                    if buffer[..held].ends_with(b"\r\n\r\n") {
                        held = 0;
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
}
