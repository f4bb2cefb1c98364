//! Several applications that know no OAuth, each with an identity and a scope of its own, in front of
//! whatever endpoint issues their tokens and whatever upstream takes them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearergate::fake::{Contoso, Intake, Origin, Request, Response, Running, bind, serve};

use super::{API_KEY, Gateway, Reply};

/// The scope of the mailboxes.
pub const GRAPH: &str = "https://graph.microsoft.com/.default";
/// The scope of the API that adds numbers.
pub const CALC: &str = "api://06b2a484-141c-42d3-9d73-32bec5910b06/.default";

/// A configuration in the making.
#[derive(Default)]
pub struct File {
    fetch: String,
    identities: String,
    routes: String,
}

impl File {
    /// What goes into `fetch:`.
    pub fn fetch(mut self, text: &str) -> Self {
        self.fetch = format!("fetch: {{ {text} }}\n");
        self
    }

    /// An identity of the tenant of the mailboxes that proves itself with `secret`.
    pub fn identity(self, folder: &Path, name: &str, authority: &str, secret: &str) -> Self {
        std::fs::write(folder.join(format!("{name}.secret")), secret).unwrap();
        self.identity_with(
            name,
            authority,
            &format!("secret: {{ file: {name}.secret }}"),
        )
    }

    /// The same with any credential.
    pub fn identity_with(mut self, name: &str, authority: &str, credential: &str) -> Self {
        let (tenant, client) = (Contoso::MAIL_TENANT, Contoso::MAIL_CLIENT);
        self.identities += &format!(
            "  {name}:\n    entra: {{ tenant: {tenant}, client_id: {client}{} }}\n    \
             credentials: [{{ {credential} }}]\n",
            match authority {
                "" => String::new(),
                url => format!(", authority: \"{url}\""),
            },
        );
        self
    }

    /// A route `/NAME/**` to `upstream` that carries `identity`'s token for `scope`.
    pub fn route(mut self, name: &str, upstream: &str, identity: &str, scope: &str) -> Self {
        self.routes += &route(name, upstream, "");
        self.routes += &format!(
            "    token: {{ identity: {identity}, scope: \"{scope}\", allow_host_mismatch: true }}\n"
        );
        self
    }

    /// A route `/NAME/**` that carries nothing; `more` goes into `upstream:`.
    pub fn plain(mut self, name: &str, upstream: &str, more: &str) -> Self {
        self.routes += &route(name, upstream, more);
        self
    }

    /// The file's text.
    pub fn text(&self, folder: &Path) -> String {
        std::fs::write(folder.join("payroll.key"), API_KEY).unwrap();
        let identities = match self.identities.as_str() {
            "" => String::new(),
            some => format!("identities:\n{some}"),
        };
        format!(
            "version: 1\nlisteners: {{ legacy: {{ address: 127.0.0.1:0 }} }}\n\
             admin: {{ address: 127.0.0.1:0 }}\nlog: {{ level: trace }}\n{}{identities}routes:\n{}",
            self.fetch, self.routes
        )
    }

    /// A gateway of it.
    pub async fn start(&self, folder: &Path) -> Gateway {
        Gateway::start(&self.text(folder), folder).await
    }
}

fn route(name: &str, upstream: &str, more: &str) -> String {
    format!(
        "  - id: {name}\n    listener: legacy\n    match: {{ path: \"/{name}/**\" }}\n    \
         callers: [{{ api_key: {{ id: payroll, key: {{ file: payroll.key }} }} }}]\n    \
         upstream: {{ url: \"{upstream}\", strip_prefix: /{name}{more} }}\n"
    )
}

/// Asks for `target` as the application does.
pub async fn ask(gateway: &Gateway, target: &str) -> Reply {
    gateway
        .get("legacy", target, &[format!("X-Api-Key: {API_KEY}")])
        .await
}

/// The same from a task of its own.
pub fn ask_apart(address: SocketAddr, target: &str) -> tokio::task::JoinHandle<Option<Reply>> {
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {API_KEY}\r\n\r\n");
    tokio::spawn(async move {
        let mut connection = super::Connection::open(address).await;
        connection.send(request).await;
        connection.reply().await
    })
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
        let running = serve(bind(0).unwrap(), None, Arc::clone(&told) as Arc<dyn Origin>).unwrap();
        (told, running)
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl<F: Fn(&Request) -> Response + Send + Sync + 'static> Origin for Told<F> {
    fn intake(&self) -> Intake {
        Intake::Beginning(64 * 1024)
    }

    fn answer(&self, request: &Request) -> Response {
        self.count.fetch_add(1, Ordering::SeqCst);
        (self.answer)(request)
    }
}

/// The claims of the token in an `Authorization` header.
pub fn claims(authorization: &str) -> serde_json::Value {
    let payload = authorization.split('.').nth(1).unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
