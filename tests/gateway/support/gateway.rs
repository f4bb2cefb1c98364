//! A real gateway in the test's process, on real sockets, and the lines that it writes.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bearergate::app::{App, Bound, ReloadError, Reloaded};
use bearergate::config::Config;
use bearergate::telemetry::{AccessLog, LogFormat};
use tokio::task::JoinHandle;

use super::{API_KEY, Connection, Reply, eventually, scan};

/// A gateway that is accepting, and the lines it wrote.
pub struct Gateway {
    app: Option<App>,
    addresses: Vec<(Arc<str>, SocketAddr)>,
    log: Lines,
    /// Secrets that callers wrote into paths.
    told: Mutex<Vec<String>>,
}

impl Gateway {
    /// Starts a gateway from a configuration text whose addresses have port 0.
    pub async fn start(yaml: &str, folder: &Path) -> Self {
        scan::begin();
        let config = parsed(yaml, folder);
        let log = Lines::default();
        let bound = Bound::new(&config).unwrap();
        let access_log = AccessLog::to_writer(Box::new(log.clone()), LogFormat::Json);
        let app = App::start(config, bound, access_log).unwrap();
        Self {
            addresses: ports(&app),
            app: Some(app),
            log,
            told: Mutex::default(),
        }
    }

    /// Gives it another configuration while it runs.
    pub async fn reload(&self, config: Config) -> Result<Reloaded, ReloadError> {
        self.app.as_ref().expect("drained").reload(&config).await
    }

    /// Asks for each identity's token, as `serve` does at start.
    pub fn ask_for_tokens(&self) {
        self.app.as_ref().expect("drained").ask_for_tokens();
    }

    pub fn address(&self, listener: &str) -> SocketAddr {
        let found = self.addresses.iter().find(|(name, _)| &**name == listener);
        found.unwrap_or_else(|| panic!("no listener {listener}")).1
    }

    /// Puts bytes to a listener on a connection of their own and reads the first answer.
    pub async fn raw(&self, listener: &str, request: impl AsRef<[u8]>) -> Reply {
        let mut connection = self.connect(listener).await;
        connection.send(request).await;
        connection
            .reply()
            .await
            .unwrap_or_else(|| panic!("no answer"))
    }

    /// A connection of the test's own.
    pub async fn connect(&self, listener: &str) -> Connection {
        Connection::open(self.address(listener)).await
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

    /// Asks for `target` as an application that has a key does.
    pub async fn ask(&self, target: &str) -> Reply {
        self.get("legacy", target, &[format!("X-Api-Key: {API_KEY}")])
            .await
    }

    /// The same from a task of its own.
    pub fn ask_apart(&self, target: &str) -> JoinHandle<Option<Reply>> {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {API_KEY}\r\n\r\n");
        self.apart("legacy", request)
    }

    /// Puts a request to a listener from a task of its own.
    pub fn apart(&self, listener: &str, request: String) -> JoinHandle<Option<Reply>> {
        let address = self.address(listener);
        tokio::spawn(async move {
            let mut connection = Connection::open(address).await;
            connection.send(request).await;
            connection.reply().await
        })
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

    /// A caller writes this secret into a path, and the access log tells paths whole.
    pub fn tells_in_paths(&self, secret: &str) {
        self.told.lock().unwrap().push(secret.to_owned());
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

impl Drop for Gateway {
    /// Whatever the test was about: nothing that came of it holds a secret.
    fn drop(&mut self) {
        let admin = self.addresses.iter().find(|(name, _)| &**name == "admin");
        let runtime = tokio::runtime::Handle::try_current();
        // Another thread has to answer.
        let is_served = runtime.is_ok_and(|runtime| runtime.metrics().num_workers() > 1);
        if let (Some(_), true, Some((_, admin))) = (&self.app, is_served, admin) {
            // An admin listener of the test's own kind is not asked.
            scan::look("an admin page", &scan::pages(*admin).unwrap_or_default());
        }
        let told = self.told.lock().unwrap();
        let lines = told
            .iter()
            .fold(self.log.text(), |text, it| text.replace(it, ""));
        scan::look("the access log", &lines);
    }
}

/// Where it accepts, but at Unix sockets.
fn ports(app: &App) -> Vec<(Arc<str>, SocketAddr)> {
    let addresses = app.addresses.iter();
    let ports = addresses.filter_map(|(name, at)| Some((Arc::clone(name), at.tcp()?)));
    ports.collect()
}

pub(super) fn parsed(yaml: &str, folder: &Path) -> Config {
    let config = Config::parse(yaml, "test.yaml", folder);
    let config = config.unwrap_or_else(|problems| panic!("{problems}"));
    scan::look("the configuration's Debug", &format!("{config:?}"));
    config
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
