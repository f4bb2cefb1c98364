//! A tenant for this room's tests: its key endpoint on a loopback port of its own, and its tokens.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Issuer, IssuerDefinition, IssuerKind};
use crate::clock::UnixTime;
use crate::entra::{Authority, Cloud, Versions};
use crate::fake::mint::Mint;
use crate::http_client::{FetchDefinition, HttpClient};

pub(super) const TENANT: &str = "11111111-aaaa-4bbb-8ccc-222222222222";
const CLIENT: &str = "cccc0000-5555-4666-8777-888888888888";
const OBJECT: &str = "dddd0000-5555-4666-8777-888888888888";

/// The tenant's key endpoint.
pub(super) struct Tenant {
    state: Arc<State>,
    base: String,
}

struct State {
    answer: Mutex<(u16, String)>,
    fetches: AtomicUsize,
}

impl Tenant {
    /// An endpoint that publishes these keys.
    pub(super) async fn publishing(mints: &[&Mint]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            answer: Mutex::new((200, document(mints))),
            fetches: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        Self { state, base }
    }

    /// From now on it publishes these.
    pub(super) fn publish(&self, mints: &[&Mint]) {
        *self.state.answer.lock() = (200, document(mints));
    }

    /// From now on it fails.
    pub(super) fn fail(&self) {
        *self.state.answer.lock() = (503, String::new());
    }

    /// A tenant whose endpoints are all here; only the keys of `TENANT` are.
    pub(super) fn authority(&self, tenant: &str) -> Authority {
        let base = self.base.parse().unwrap();
        Authority::new(Cloud::Public, tenant.parse().unwrap(), Some(&base))
    }

    /// How often the keys were asked for.
    pub(super) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// The issuer `contoso`, which asks here.
    pub(super) fn issuer(&self, change: impl FnOnce(&mut IssuerDefinition)) -> Arc<Issuer> {
        let mut definition = IssuerDefinition {
            name: "contoso".into(),
            kind: IssuerKind::Entra(self.authority(TENANT), Versions::default()),
            audiences: Vec::new(),
            leeway: std::time::Duration::from_secs(60),
            keys: crate::refresh::RefetchTimes::default(),
        };
        change(&mut definition);
        Issuer::start(
            definition,
            HttpClient::new(&FetchDefinition::default()).unwrap(),
        )
    }

    /// The same, by its name.
    pub(super) fn issuers(&self) -> HashMap<Arc<str>, Arc<Issuer>> {
        HashMap::from([("contoso".into(), self.issuer(|_| {}))])
    }
}

/// What an application's v2 token says that is good for an hour from `now`.
pub(super) fn payload(now: UnixTime) -> Value {
    json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        "aud": "aaaa0000-1111-4222-8333-444444444444",
        "iat": now.seconds(),
        "nbf": now.seconds(),
        "exp": now.seconds() + 3600,
        "ver": "2.0",
        "tid": TENANT,
        "azp": CLIENT,
        "oid": OBJECT,
        "sub": OBJECT,
        "idtyp": "app",
    })
}

fn document(mints: &[&Mint]) -> String {
    let keys: Vec<Value> = mints.iter().map(|mint| mint.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

async fn serve(mut socket: TcpStream, state: Arc<State>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let path = format!("GET /{TENANT}/discovery/v2.0/keys HTTP/1.1\r\n");
    let (status, body) = match head.starts_with(path.as_bytes()) {
        true => {
            state.fetches.fetch_add(1, Ordering::SeqCst);
            state.answer.lock().clone()
        }
        false => (404, String::new()),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n");
    let _ = socket
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await;
}
