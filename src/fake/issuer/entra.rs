//! The issuer: which request goes where, and the state that its endpoints share. Any GUID is a tenant;
//! all tenants share the keys, as Entra's do.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use openssl::error::ErrorStack;
use parking_lot::{Mutex, RwLock};
use serde_json::json;
use uuid::Uuid;

use super::discovery;
use super::misbehaviour::Behaviour;
use super::refusal::Refusal;
use super::registration::{Generation, Registry};
use super::signing_key::SigningKey;
use super::token_endpoint::{self, TokenRequest};
use crate::fake::faults::Faults;
use crate::fake::http::{Intake, Origin, Request, Response};
use crate::fake::token::TokenBuilder;

/// The largest body that the token endpoint takes.
const LARGEST_BODY: usize = 64 * 1024;

/// An issuer in the shape of Entra. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub(super) state: Arc<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) keys: RwLock<Keys>,
    pub(super) registry: RwLock<Registry>,
    pub(super) behaviour: Mutex<Behaviour>,
    pub(super) key_door: Faults,
    pub(super) token_door: Faults,
    pub(super) seen_assertions: Mutex<HashMap<String, u64>>,
    pub(super) last_token_request: Mutex<Option<TokenRequest>>,
}

/// The published keys; there is always one.
#[derive(Debug)]
pub(super) struct Keys {
    current: SigningKey,
    earlier: Vec<SigningKey>,
}

impl Keys {
    pub(super) fn only(current: SigningKey) -> Self {
        Self {
            current,
            earlier: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, key: SigningKey) {
        self.earlier.push(std::mem::replace(&mut self.current, key));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.earlier.iter().chain([&self.current])
    }
}

impl Issuer {
    /// An issuer with a fresh key.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn new(registry: Registry) -> Result<Self, ErrorStack> {
        Ok(Self::with_key(registry, SigningKey::generate()?))
    }

    /// An issuer with that key.
    pub fn with_key(registry: Registry, key: SigningKey) -> Self {
        Self {
            state: Arc::new(State {
                keys: RwLock::new(Keys::only(key)),
                registry: RwLock::new(registry),
                behaviour: Mutex::default(),
                key_door: Faults::default(),
                token_door: Faults::default(),
                seen_assertions: Mutex::default(),
                last_token_request: Mutex::default(),
            }),
        }
    }

    /// Replaces what is registered.
    pub fn register(&self, change: impl FnOnce(Registry) -> Registry) {
        let mut registry = self.state.registry.write();
        *registry = change(std::mem::take(&mut *registry));
    }

    /// Starts a token of that tenant: a v2 app-only token, valid from now for an hour, until told otherwise.
    pub fn token(&self, tenant: &str) -> TokenBuilder {
        TokenBuilder::new(self.signing_key(), tenant)
    }

    /// The key that signs now.
    pub fn signing_key(&self) -> SigningKey {
        self.state.keys.read().current.clone()
    }

    fn route(&self, request: &Request) -> Response {
        let segments: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        let not_found = || Response::empty(StatusCode::NOT_FOUND);
        if !is_ours(request) {
            let body = json!({ "error": "invalid_host", "error_description":
                "this issuer is reached as 127.0.0.1 or localhost" });
            return Response::json(StatusCode::BAD_REQUEST, &body);
        }
        let (endpoint, generation) = match segments[..] {
            ["common", "discovery", "instance"] => {
                return only_get(request).unwrap_or_else(|| discovery::instance(request));
            }
            [_, ".well-known", "openid-configuration"] => (Endpoint::Discovery, Generation::V1),
            [_, "v2.0", ".well-known", "openid-configuration"] => {
                (Endpoint::Discovery, Generation::V2)
            }
            [_, "discovery", "keys"] => (Endpoint::Keys, Generation::V1),
            [_, "discovery", "v2.0", "keys"] => (Endpoint::Keys, Generation::V2),
            [_, "oauth2", "token"] => (Endpoint::Token, Generation::V1),
            [_, "oauth2", "v2.0", "token"] => (Endpoint::Token, Generation::V2),
            _ => return not_found(),
        };
        let Some(tenant) = Tenant::named(segments[0]) else {
            let error = match endpoint {
                Endpoint::Discovery | Endpoint::Keys => "invalid_tenant",
                Endpoint::Token => "invalid_request",
            };
            return Refusal::new(error, 90_002, "This tenant does not exist.").response(request);
        };
        match endpoint {
            Endpoint::Discovery => only_get(request)
                .unwrap_or_else(|| discovery::document(request, &tenant, generation)),
            Endpoint::Keys => only_get(request).unwrap_or_else(|| self.keys(&tenant, generation)),
            Endpoint::Token => token_endpoint::answer(self, &tenant, generation, request),
        }
    }
}

impl Origin for Issuer {
    fn intake(&self) -> Intake {
        Intake::Whole(LARGEST_BODY)
    }

    fn answer(&self, request: &Request) -> Response {
        self.route(request)
    }
}

enum Endpoint {
    Discovery,
    Keys,
    Token,
}

/// What stands where a tenant stands in a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// One tenant, by its GUID in lower case.
    One(String),
    /// `common`, `organizations`.
    Many(&'static str),
}

impl Tenant {
    /// Personal accounts belong to this tenant.
    const CONSUMERS: &'static str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    pub(super) fn named(segment: &str) -> Option<Self> {
        match segment {
            "common" => Some(Self::Many("common")),
            "organizations" => Some(Self::Many("organizations")),
            "consumers" => Some(Self::One(Self::CONSUMERS.to_owned())),
            _ if segment.len() == 36 => Uuid::try_parse(segment)
                .ok()
                .map(|id| Self::One(id.hyphenated().to_string())),
            _ => None,
        }
    }

    /// As it stands in a URL.
    pub(super) fn segment(&self) -> &str {
        match self {
            Self::One(id) => id,
            Self::Many(word) => word,
        }
    }

    /// As it stands in an issuer: for many tenants a template, literally.
    pub(super) fn in_issuer(&self) -> &str {
        match self {
            Self::One(id) => id,
            Self::Many(_) => "{tenantid}",
        }
    }
}

/// The cloud's own issuer string, whatever the URL by which this issuer is reached.
pub(in crate::fake) fn issuer_string(generation: Generation, tenant: &str) -> String {
    match generation {
        Generation::V1 => format!("https://sts.windows.net/{tenant}/"),
        Generation::V2 => format!("https://login.microsoftonline.com/{tenant}/v2.0"),
    }
}

fn only_get(request: &Request) -> Option<Response> {
    (!matches!(request.method, Method::GET | Method::HEAD))
        .then(|| Response::empty(StatusCode::METHOD_NOT_ALLOWED).with("allow", "GET, HEAD"))
}

// SECURITY: a page in a browser must not reach the issuer under a name of its own (DNS rebinding).
fn is_ours(request: &Request) -> bool {
    let Some(host) = request.header("host") else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|ours| ours.eq_ignore_ascii_case(name))
}
