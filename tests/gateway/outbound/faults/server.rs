//! A server that does what it is told with each request, and counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Connection;

/// How TLS begins (RFC 8446 §5.1), and what is said to it.
const HANDSHAKE: u8 = 22;
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

/// What a server does with one request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Says this, and waits for the next.
    Say(String),
    /// Says this, and closes the connection without having announced it.
    Close(String),
    /// Says this, and resets the connection.
    Reset(String),
    /// Says this, and then a byte every now and then, without end.
    Drip(String),
    Silence,
}

pub(super) struct Server {
    pub(super) port: u16,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Does these, one with each request; the last of them with all that come after.
    pub(super) async fn open(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, acts) = (Arc::<AtomicUsize>::default(), Arc::new(acts));
        let counted = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acts, counted) = (Arc::clone(&acts), Arc::clone(&counted));
                tokio::spawn(async move {
                    let mut first = [0];
                    let is_tls = stream.peek(&mut first).await.is_ok() && first[0] == HANDSHAKE;
                    let mut connection = Connection::over(stream);
                    match is_tls {
                        true => connection.send_in_vain(NO_TLS).await,
                        false => serve(connection, acts, counted).await,
                    }
                });
            }
        });
        Self { port, asked, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut connection: Connection, acts: Arc<Vec<Act>>, asked: Arc<AtomicUsize>) {
    while let Some(head) = connection.head().await {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        let act = acts.get(number).or(acts.last()).expect("something to do");
        let fields = head.to_ascii_lowercase();
        let length = fields
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length = length.map_or(0, |length| length.trim().parse().unwrap());
        if !connection.take(length).await {
            return;
        }
        match act {
            Act::Say(words) => connection.send_in_vain(words.as_bytes()).await,
            Act::Close(words) => {
                connection.send_in_vain(words.as_bytes()).await;
                return;
            }
            Act::Reset(words) => {
                connection.send_in_vain(words.as_bytes()).await;
                return connection.reset();
            }
            Act::Drip(words) => {
                connection.send_in_vain(words.as_bytes()).await;
                loop {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    connection.send_in_vain(b" ").await;
                }
            }
            Act::Silence => {}
        }
    }
}
