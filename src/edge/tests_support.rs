//! What the edge's tests stand on: a small application, an edge in front of it on a free port, and
//! a client that speaks bytes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::{
    Abandoned, Application, Arriving, Bound, Conversation, Edge, Era, Limits, Misread, Protocols,
    Settings, Timeouts, Tls, TlsDefinition, TlsVersion,
};
use crate::certified_key::CertifiedKey;
use crate::clock::UnixTime;
use crate::fake::CertificateAuthority;
use crate::http1::Kind;
use crate::telemetry::{CAUSES, Metrics, Samples};

/// Long enough never to matter in a test that is about something else.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// Short enough to be waited for.
pub(super) const SHORT: Duration = Duration::from_millis(50);
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const UNHURRIED: Timeouts = Timeouts {
    header: LONG,
    idle: LONG,
    body: LONG,
};

/// A peer whose arrival makes the application panic, as a bug would.
pub(super) const BUG: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));

/// Answers by itself, so that no upstream is needed.
pub(super) struct Answers {
    /// `/held` waits for a permit.
    held: Arc<Semaphore>,
    /// How many requests for it have begun.
    begun: Arc<AtomicUsize>,
}

impl Application for Answers {
    type Body = Full<Bytes>;

    async fn respond(
        self: Arc<Self>,
        request: Request<Arriving>,
        conversation: Arc<Conversation>,
    ) -> Result<Response<Full<Bytes>>, Abandoned> {
        let body = match request.uri().path() {
            "/held" => {
                self.begun.fetch_add(1, Ordering::SeqCst);
                self.held.acquire().await.unwrap().forget();
                b"held".to_vec()
            }
            "/large" => vec![b'x'; 64 * 1024 * 1024],
            "/peer" => conversation.peer().to_string().into_bytes(),
            "/panic" => panic!("as a bug would"),
            "/body" => {
                let read = request.into_body().collect().await;
                let bytes = read.map_err(|_| Abandoned)?.to_bytes();
                bytes.len().to_string().into_bytes()
            }
            _ => b"ok".to_vec(),
        };
        Ok(Response::new(Full::new(body.into())))
    }

    fn is_one_of_many(&self, peer: IpAddr) -> bool {
        assert!(peer != BUG, "as a bug would");
        false
    }

    fn refuse(&self, _: &Conversation, why: Misread) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = match why {
            Misread::Late | Misread::Crowded => StatusCode::REQUEST_TIMEOUT,
            Misread::Broken(why) if why.kind() == Kind::HeadTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Misread::Broken(_) | Misread::Http2(_) | Misread::Codec => StatusCode::BAD_REQUEST,
        };
        answer
    }
}

/// An edge that runs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) edge: Arc<Edge<Answers>>,
    pub(super) metrics: Metrics,
    pub(super) held: Arc<Semaphore>,
    pub(super) begun: Arc<AtomicUsize>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) accepting: JoinHandle<()>,
}

impl Running {
    pub(super) fn start(limits: Limits, timeouts: Timeouts, tls: Option<TlsDefinition>) -> Self {
        Self::speaking(Protocols::PLAIN, limits, timeouts, tls)
    }

    pub(super) fn speaking(
        protocols: Protocols,
        limits: Limits,
        timeouts: Timeouts,
        tls: Option<TlsDefinition>,
    ) -> Self {
        let (held, begun) = (Arc::new(Semaphore::new(0)), Arc::default());
        let app = Answers {
            held: Arc::clone(&held),
            begun: Arc::clone(&begun),
        };
        let metrics = Metrics::new();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Bound::at(&any.into()).unwrap();
        let address = listener.address().unwrap().tcp().unwrap();
        let edge = Edge::new(
            Arc::new(app),
            "test".into(),
            Settings {
                limits,
                timeouts,
                protocols,
                proxy_protocol: false,
                era: Era::default(),
                tls: tls.map(|it| Arc::new(Tls::new(&it, protocols).unwrap())),
            },
            metrics.edge("test"),
        );
        let (stop, stopping) = watch::channel(false);
        let accepting = tokio::spawn(Arc::clone(&edge).run(listener.listen().unwrap(), stopping));
        Self {
            address,
            edge,
            metrics,
            held,
            begun,
            stop,
            accepting,
        }
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// From an address of loopback.
    pub(super) async fn connect_from(&self, own: IpAddr) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(own, 0)).unwrap();
        Client(socket.connect(self.address).await.unwrap())
    }

    /// Waits until `/held` has been asked for.
    pub(super) async fn a_request_is_held(&self) {
        self.eventually("a request is held", || {
            self.begun.swap(0, Ordering::SeqCst) > 0
        })
        .await;
    }

    /// Waits until a head that began after this call has been given up.
    pub(super) async fn the_header_deadline_passes(&self) {
        let mut late = self.connect().await;
        late.send("G").await;
        assert!(late.rest().await.starts_with("HTTP/1.1 408 "));
    }

    /// What was counted for a cause of refusal.
    pub(super) fn refused(&self, cause: &str) -> u64 {
        self.count(&format!(
            "bearergate_connections_refused_total{{cause=\"{cause}\",listener=\"test\"}} "
        ))
    }

    pub(super) fn count(&self, series: &str) -> u64 {
        let text = self
            .metrics
            .render(&Samples::default(), UnixTime::from_seconds(0));
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.unwrap_or_else(|| panic!("{series} is not in {text}"))
            .parse()
            .unwrap()
    }

    /// Waits until every connection has ended and so many were refused: these, and no other.
    pub(super) async fn refused_only(&self, causes: &[&str]) {
        let counts = || CAUSES.map(|cause| self.refused(cause));
        self.eventually("every connection ends", || {
            self.edge.open_connections() == 0 && counts().iter().sum::<u64>() >= causes.len() as u64
        })
        .await;
        let expected =
            CAUSES.map(|cause| causes.iter().filter(|&&word| word == cause).count() as u64);
        assert_eq!(counts(), expected, "in the order of {CAUSES:?}");
    }

    pub(super) async fn eventually(&self, what: &str, holds: impl Fn() -> bool) {
        let waiting = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "{what}");
    }
}

/// A client that speaks bytes.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Asks for a path and reads the whole answer.
    pub(super) async fn get(&mut self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n"))
            .await;
        self.answer().await
    }

    /// Whether a request was answered; not where the connection had ended before.
    pub(super) async fn is_answered(&mut self) -> bool {
        let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let mut byte = [0];
        if self.0.write_all(request).await.is_err()
            || self.0.peek(&mut byte).await.unwrap_or(0) == 0
        {
            return false;
        }
        self.answer().await.ends_with("ok")
    }

    /// Reads one answer that tells its length.
    pub(super) async fn answer(&mut self) -> String {
        let reading = async {
            let mut text = String::new();
            while !text.ends_with("\r\n\r\n") {
                text.push(self.0.read_u8().await.unwrap().into());
            }
            let length = text
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap();
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await.unwrap();
            text + &String::from_utf8(body).unwrap()
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("an answer comes")
    }

    /// Reads until the other side closes; a reset is an end as well.
    pub(super) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let reading = self.0.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the connection ends");
        String::from_utf8(bytes).unwrap()
    }

    /// Whether the other side has thrown away what we sent.
    pub(super) fn was_reset(&self) -> bool {
        self.0.take_error().unwrap().is_some()
    }

    /// Sends a byte at a time until the other side has had enough.
    pub(super) async fn dribble(&mut self) {
        let dribbling = async {
            loop {
                if self.0.write_all(b"a").await.is_err() {
                    return;
                }
                let mut scrap = [0; 256];
                let pause = Duration::from_millis(5);
                if let Ok(Ok(0) | Err(_)) =
                    tokio::time::timeout(pause, self.0.read(&mut scrap)).await
                {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, dribbling)
            .await
            .expect("the connection ends");
    }
}

/// TLS with a certificate for `localhost`.
pub(super) fn tls_definition() -> TlsDefinition {
    let (chain, key) = certificate();
    TlsDefinition {
        certificates: vec![CertifiedKey::from_pem(&chain, &key, None).unwrap()],
        clients: None,
        minimum: TlsVersion::V1_2,
    }
}

/// A certificate for `localhost` and its key, both PEM.
pub(super) fn certificate() -> (Vec<u8>, Vec<u8>) {
    let authority = CertificateAuthority::generate().unwrap();
    let pair = authority.issue_for_loopback().unwrap();
    (pair.certificate_pem().unwrap(), pair.key_pem().unwrap())
}
