//! Who takes part, and how each is started.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use super::credentials::{API, Credentials, TENANT};
use super::process::Process;
use bearergate::fake::Contoso;

/// A proxy and the requests it gets.
pub(super) struct Contender {
    /// Its name in the report; also that of its credentials.
    pub(super) name: &'static str,
    /// What it must answer.
    pub(super) status: u16,
    route: Option<Route>,
}

/// The gateway's one route.
#[derive(Clone, Copy)]
enum Route {
    Public,
    Bearer,
    Injected,
}

pub(super) const CONTENDERS: &[Contender] = &[
    Contender {
        name: "pass-through",
        status: 200,
        route: None,
    },
    // Nobody is asked for anything: what the gateway costs beside its checks.
    gateway("public", 200, Route::Public),
    // One token over and over: the usual case.
    gateway("bearer", 200, Route::Bearer),
    gateway("rotating", 200, Route::Bearer),
    gateway("never-seen", 200, Route::Bearer),
    // An API key in, a token of the gateway's out.
    gateway("injected", 200, Route::Injected),
    gateway("garbage", 401, Route::Bearer),
    gateway("expired", 401, Route::Bearer),
    gateway("bad-signature", 401, Route::Bearer),
    gateway("unknown-kid", 401, Route::Bearer),
];

const fn gateway(name: &'static str, status: u16, route: Route) -> Contender {
    Contender {
        name,
        status,
        route: Some(route),
    }
}

impl Contender {
    /// Whether it is the framework alone.
    pub(super) fn is_bare(&self) -> bool {
        self.route.is_none()
    }

    /// Starts it on core 0; where it listens.
    pub(super) fn start(
        &self,
        binary: &str,
        upstream: &str,
        credentials: &Credentials,
    ) -> (Process, String) {
        let Some(route) = self.route else {
            let arguments = ["pass-through".to_owned(), upstream.to_owned()];
            let mut process = Process::role(0, &arguments);
            let address = process.line();
            return (process, address);
        };
        let address = free_address();
        let file = credentials.folder.join("gateway.yaml");
        std::fs::write(&file, config(route, &address, upstream, credentials)).unwrap();
        let log = std::fs::File::create(credentials.folder.join("access.log")).unwrap();
        let arguments = [
            "serve".to_owned(),
            "--config".to_owned(),
            file.display().to_string(),
        ];
        let process = Process::start(0, OsStr::new(binary), &arguments, Stdio::from(log));
        wait_for(&address);
        (process, address)
    }
}

/// The gateway as it ships, with one worker.
fn config(route: Route, address: &str, upstream: &str, credentials: &Credentials) -> String {
    let folder = credentials.folder.display();
    let authority = credentials.doors.issuer.base();
    let (callers, token) = match route {
        Route::Public => ("public".to_owned(), ""),
        Route::Bearer => (
            format!("[{{ bearer: {{ issuer: dev, audiences: [{API}], roles: [invokeRole] }} }}]"),
            "token: forward",
        ),
        Route::Injected => (
            format!("[{{ api_key: {{ id: bench, key: {{ file: {folder}/key }} }} }}]"),
            "token: { identity: app, scope: https://graph.microsoft.com/.default, \
             allow_host_mismatch: true }",
        ),
    };
    let (client, tenant) = (Contoso::MAIL_CLIENT, Contoso::MAIL_TENANT);
    let (issuers, identities) = match route {
        Route::Public => (String::new(), String::new()),
        Route::Bearer => (
            format!("issuers:\n  dev: {{ entra: {{ tenant: {TENANT}, authority: {authority} }} }}"),
            String::new(),
        ),
        Route::Injected => (
            String::new(),
            format!(
                "identities:\n  app:\n    entra: {{ tenant: {tenant}, client_id: {client}, \
                 authority: {authority} }}\n    credentials: [{{ secret: {{ file: {folder}/secret }} }}]"
            ),
        ),
    };
    format!(
        "version: 1
threads: 1
log: {{ level: warn }}
listeners:
  in: {{ address: {address} }}
admin: {{ address: 127.0.0.1:0 }}
{issuers}
{identities}
routes:
  - id: r
    listener: in
    match: {{ path: /r0/** }}
    callers: {callers}
    upstream: {{ url: http://{upstream} }}
    {token}
"
    )
}

pub(super) fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

pub(super) fn wait_for(address: &str) {
    for _ in 0..500 {
        if std::net::TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nobody listens on {address}");
}
