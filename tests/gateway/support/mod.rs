//! A real gateway in the test's process, on real sockets, and raw HTTP to put to it.

pub mod calc;
pub mod mail;
pub mod organisation;
pub mod origin;
pub mod process;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bearergate::app::{App, Bound, ReloadError, Reloaded};
use bearergate::config::Config;
use bearergate::telemetry::{AccessLog, LogFormat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const TENANT: &str = "019486dd-8ffb-45a9-9232-4132babb1324";
pub const MAIL_TENANT: &str = "5e0699a2-7e10-4d08-8ebb-4f7d7406ad09";
pub const API: &str = "06b2a484-141c-42d3-9d73-32bec5910b06";
pub const CALCULATOR: &str = "f1f695cb-2d00-4c0f-84a5-437282f3f3fd";
pub const API_KEY: &str = "payroll-0123456789abcdef0123456789abcdef";

/// How long anything may take before a test gives up; only ever waited out by a failing test.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway that is accepting, and the lines it wrote.
pub struct Gateway {
    app: Option<App>,
    addresses: Vec<(Arc<str>, SocketAddr)>,
    log: Lines,
}

impl Gateway {
    /// Starts a gateway from a configuration text whose addresses have port 0.
    pub async fn start(yaml: &str, folder: &Path) -> Self {
        let config = parsed(yaml, folder);
        let log = Lines::default();
        let bound = Bound::new(&config).unwrap();
        let access_log = AccessLog::to_writer(Box::new(log.clone()), LogFormat::Json);
        let app = App::start(config, bound, access_log).unwrap();
        Self {
            addresses: app.addresses.clone(),
            app: Some(app),
            log,
        }
    }

    /// Gives it another configuration while it runs.
    pub fn reload(&self, yaml: &str, folder: &Path) -> Result<Reloaded, ReloadError> {
        let app = self.app.as_ref().expect("drained");
        app.reload(parsed(yaml, folder))
    }

    pub fn address(&self, listener: &str) -> SocketAddr {
        let found = self.addresses.iter().find(|(name, _)| &**name == listener);
        found.unwrap_or_else(|| panic!("no listener {listener}")).1
    }

    /// Puts bytes to a listener on a connection of their own and reads the first answer.
    pub async fn raw(&self, listener: &str, request: impl AsRef<[u8]>) -> Reply {
        let mut connection = Connection::open(self.address(listener)).await;
        connection.send(request).await;
        connection
            .reply()
            .await
            .unwrap_or_else(|| panic!("no answer"))
    }

    /// A GET with header lines.
    pub async fn get(&self, listener: &str, target: &str, headers: &[String]) -> Reply {
        let mut request = format!("GET {target} HTTP/1.1\r\nHost: gateway.test\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        self.raw(listener, request).await
    }

    /// Waits until the admin listener says it is ready.
    pub async fn ready(&self) -> &Self {
        eventually("the gateway is ready", async || {
            self.get_admin("/readyz").await.status == 200
        })
        .await;
        self
    }

    pub async fn get_admin(&self, path: &str) -> Reply {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        self.raw("admin", request).await
    }

    /// The access lines so far; waits until there are `count`.
    pub async fn lines(&self, count: usize) -> Vec<serde_json::Value> {
        eventually("access lines", async || self.log.parsed().len() >= count).await;
        self.log.parsed()
    }

    /// All access lines so far, as written.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The value of a metric; its labels are part of the name.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get_admin("/metrics").await.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    }

    /// Drains as SIGTERM would; gives back how many requests were cut off.
    pub async fn drain(&mut self) -> usize {
        self.app.take().expect("drained twice").drain().await
    }
}

fn parsed(yaml: &str, folder: &Path) -> Config {
    Config::parse(yaml, "test.yaml", folder).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Where a test's gateway writes its access lines.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Everything that was written.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    fn parsed(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

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

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Around a connection that was accepted.
    pub fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            held: Vec::new(),
        }
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

    /// Ends it as a process that dies does: with a reset.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// The next answer with its whole body; `None` when the connection ended without one.
    pub async fn reply(&mut self) -> Option<Reply> {
        tokio::time::timeout(PATIENCE, self.read_reply())
            .await
            .expect("no answer in time")
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

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
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

/// Waits for something that happens by itself; fails with `what` when it does not.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waited).await.is_ok(),
        "waited in vain: {what}"
    );
}
