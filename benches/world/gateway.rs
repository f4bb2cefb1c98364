//! The gateway as it ships, metrics and access log on, with one route.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bearergate::fake::Contoso;

use super::credentials::{API, Credentials, TENANT};
use super::wire::Wire;

/// Who may come in, and whose token goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Nobody is asked for anything: what the gateway costs beside its checks.
    Public,
    /// A token with a role, which is handed on.
    Bearer,
    /// An API key, and nothing goes on.
    ApiKey,
    /// An API key in, a token of the gateway's out.
    Injected,
    /// A user's token in, another by which the gateway acts for the user out.
    OnBehalfOf,
}

impl Route {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Bearer => "bearer",
            Self::ApiKey => "api key",
            Self::Injected => "injected",
            Self::OnBehalfOf => "on behalf of",
        }
    }

    /// Writes its file into the folder of the credentials; where that is.
    pub(crate) fn write(
        self,
        workers: usize,
        (wire, address): (Wire, &str),
        upstream: &str,
        credentials: &Credentials,
    ) -> PathBuf {
        let file = credentials.folder.join("gateway.yaml");
        let authority = credentials.doors.issuer.base();
        let config = self.config(&credentials.folder, &authority, upstream);
        let wire = wire.config(&credentials.folder);
        let head = format!(
            "version: 1\nthreads: {workers}\nlog: {{ level: warn }}\n\
             shutdown: {{ delay: 0s, grace: 1s }}\n\
             listeners:\n  in: {{ address: {address}{wire} }}\nadmin: {{ address: 127.0.0.1:0 }}\n"
        );
        std::fs::write(&file, head + &config).unwrap();
        file
    }

    fn config(self, folder: &Path, authority: &str, upstream: &str) -> String {
        let folder = folder.display();
        let (client, tenant) = (Contoso::MAIL_CLIENT, Contoso::MAIL_TENANT);
        let key = format!("[{{ api_key: {{ id: bench, key: {{ file: {folder}/key }} }} }}]");
        let (parties, callers, token) = match self {
            Self::Public => (String::new(), "public".to_owned(), ""),
            Self::Bearer => (
                format!(
                    "issuers:\n  dev: {{ entra: {{ tenant: {TENANT}, authority: {authority} }} }}"
                ),
                format!(
                    "[{{ bearer: {{ issuer: dev, audiences: [{API}], roles: [invokeRole] }} }}]"
                ),
                "token: forward",
            ),
            Self::ApiKey => (String::new(), key, ""),
            Self::Injected => (
                format!(
                    "identities:\n  app:\n    entra: {{ tenant: {tenant}, client_id: {client}, \
                     authority: {authority} }}\n    \
                     credentials: [{{ secret: {{ file: {folder}/secret }} }}]"
                ),
                key,
                "token: { identity: app, scope: https://graph.microsoft.com/.default, \
                 allow_host_mismatch: true }",
            ),
            Self::OnBehalfOf => (
                format!(
                    "issuers:\n  dev: {{ entra: {{ tenant: {TENANT}, authority: {authority} }} }}\n\
                     identities:\n  app:\n    entra: {{ tenant: {TENANT}, client_id: {API}, \
                     authority: {authority} }}\n    \
                     credentials: [{{ secret: {{ file: {folder}/api-secret }} }}]"
                ),
                format!(
                    "[{{ bearer: {{ issuer: dev, audiences: [{API}], scp: [access_as_user] }} }}]"
                ),
                "token: { identity: app, scope: https://graph.microsoft.com/Mail.Read, \
                 on_behalf_of: caller, allow_host_mismatch: true }",
            ),
        };
        format!(
            "{parties}\nroutes:\n  - id: r\n    listener: in\n    match: {{ path: /r0/** }}\n    \
             callers: {callers}\n    upstream: {{ url: http://{upstream} }}\n    {token}\n"
        )
    }
}

pub(crate) fn free_address() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().to_string()
}

/// Until somebody listens there: a minute, for a gateway that is simulated.
pub(crate) fn wait_for(address: &str) {
    for _ in 0..3000 {
        if std::net::TcpStream::connect(address).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nobody listens on {address}");
}
