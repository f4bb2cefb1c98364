//! Upstreams spoken by hand: what arrives is read and what goes back is written byte for byte.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bearergate::fake::{Intake, Origin as Fake, Request, Response, Running, bind, serve};
use openssl::ssl::{SslAcceptor, SslMethod, SslVersion};
use tokio::net::TcpListener;

use super::certificate::self_signed;
use super::{Connection, PATIENCE};

/// An upstream whose every connection is the test's.
pub struct Origin {
    listener: TcpListener,
}

impl Origin {
    pub async fn open() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    pub fn over(listener: TcpListener) -> Self {
        Self { listener }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The next connection.
    pub async fn accept(&self) -> Connection {
        let accepted = tokio::time::timeout(PATIENCE, self.listener.accept()).await;
        Connection::over(accepted.expect("the gateway connects").unwrap().0)
    }

    /// Whether nobody is waiting to be accepted.
    pub async fn is_left_alone(&self) -> bool {
        tokio::select! {
            biased;
            _ = self.listener.accept() => false,
            () = std::future::ready(()) => true,
        }
    }

    /// From now on answers the heads that come by itself.
    pub fn answering(self, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Answering {
        let url = self.url();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&heads), Arc::new(answer));
        let task = tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = self.listener.accept().await {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut connection = Connection::over(stream);
                    while let Some(head) = connection.head().await {
                        let reply = answer(&head);
                        kept.lock().unwrap().push((number, head));
                        connection.send(reply).await;
                    }
                });
                number += 1;
            }
        });
        Answering { url, heads, task }
    }
}

/// An upstream that answers by itself; what it was asked is kept.
pub struct Answering {
    pub url: String,
    heads: Arc<Mutex<Vec<(usize, String)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Answering {
    /// Each request's head, with the number of the connection that it came on.
    pub fn heads(&self) -> Vec<(usize, String)> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An upstream over TLS with any certificate and no newer TLS than that; it answers `ok`.
pub struct TlsOrigin {
    pub address: SocketAddr,
    pub ca_pem: Vec<u8>,
}

impl TlsOrigin {
    /// `names`: the host names that its certificate, which signs itself, is for.
    pub fn open(names: &[&str], newest: SslVersion) -> Self {
        let (certificate, key) = self_signed(names);
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
        // Else OpenSSL itself would not speak what we must refuse.
        acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
        acceptor
            .set_min_proto_version(Some(SslVersion::TLS1))
            .unwrap();
        acceptor.set_max_proto_version(Some(newest)).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        acceptor.set_private_key(&key).unwrap();
        let acceptor = acceptor.build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let Ok(mut stream) = acceptor.accept(socket) else {
                    continue;
                };
                let mut head = [0; 4096];
                if stream.read(&mut head).is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            }
        });
        Self {
            address,
            ca_pem: certificate.to_pem().unwrap(),
        }
    }
}

/// An origin that answers as it is told, and counts.
pub struct Told<F> {
    answer: F,
    count: AtomicUsize,
}

impl<F: Fn(&Request) -> Response + Send + Sync + 'static> Told<F> {
    /// Opens its door.
    pub fn open(answer: F) -> (Arc<Self>, Running) {
        let told = Arc::new(Self {
            answer,
            count: AtomicUsize::new(0),
        });
        let running = serve(bind(0).unwrap(), None, Arc::clone(&told) as Arc<dyn Fake>).unwrap();
        (told, running)
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl<F: Fn(&Request) -> Response + Send + Sync + 'static> Fake for Told<F> {
    fn intake(&self) -> Intake {
        Intake::Beginning(64 * 1024)
    }

    fn answer(&self, request: &Request) -> Response {
        self.count.fetch_add(1, Ordering::SeqCst);
        (self.answer)(request)
    }
}
