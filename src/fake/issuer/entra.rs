//! The issuer: which request goes where, and the state that its endpoints share. Any GUID is a tenant;
//! all tenants share the keys, as Entra's do.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use openssl::error::ErrorStack;
use parking_lot::{Mutex, RwLock};
use serde_json::json;

use super::misbehaviour::Behaviour;
use super::refusal::Refusal;
use super::registration::{Generation, Registry};
use super::signing_key::SigningKey;
use super::token_endpoint::{self, TokenRequest};
use super::{aadsts, discovery};
use crate::fake::faults::Faults;
use crate::fake::http::{Intake, Origin, Request, Response};
use crate::fake::token::TokenBuilder;
use crate::guid::Guid;

const LARGEST_BODY: usize = 64 * 1024;

/// An issuer in the shape of Entra. Cloning shares it.
#[derive(Clone)]
pub struct Issuer {
    pub(super) state: Arc<State>,
}

pub(super) struct State {
    pub(super) key: RwLock<SigningKey>,
    /// Published still, but signing no more.
    pub(super) earlier_keys: RwLock<Vec<SigningKey>>,
    pub(super) registry: RwLock<Registry>,
    pub(super) behaviour: Mutex<Behaviour>,
    pub(super) key_door: Faults,
    pub(super) token_door: Faults,
    pub(super) seen_assertions: Mutex<HashMap<String, u64>>,
    pub(super) last_token_request: Mutex<Option<TokenRequest>>,
}

impl Issuer {
    pub fn new(registry: Registry) -> Result<Self, ErrorStack> {
        Ok(Self::with_key(registry, SigningKey::generate()?))
    }

    pub fn with_key(registry: Registry, key: SigningKey) -> Self {
        Self {
            state: Arc::new(State {
                key: RwLock::new(key),
                earlier_keys: RwLock::default(),
                registry: RwLock::new(registry),
                behaviour: Mutex::default(),
                key_door: Faults::default(),
                token_door: Faults::default(),
                seen_assertions: Mutex::default(),
                last_token_request: Mutex::default(),
            }),
        }
    }

    pub fn register(&self, change: impl FnOnce(Registry) -> Registry) {
        let mut registry = self.state.registry.write();
        *registry = change(std::mem::take(&mut *registry));
    }

    /// Starts a token of that tenant: a v2 app-only token, valid from now for an hour, until told otherwise.
    pub fn token(&self, tenant: &str) -> TokenBuilder {
        TokenBuilder::new(self.signing_key(), tenant)
    }

    pub fn signing_key(&self) -> SigningKey {
        self.state.key.read().clone()
    }

    pub(super) fn published_keys(&self) -> Vec<SigningKey> {
        let mut keys = self.state.earlier_keys.read().clone();
        keys.push(self.signing_key());
        keys
    }

    fn route(&self, request: &Request) -> Response {
        let segments: Vec<&str> = request.path().trim_start_matches('/').split('/').collect();
        if !is_ours(request) {
            let body = json!({ "error": "invalid_host", "error_description":
                "this issuer is reached as 127.0.0.1 or localhost" });
            return Response::json(StatusCode::BAD_REQUEST, &body);
        }
        if segments[..] == ["common", "discovery", "instance"] {
            return only_get(request).unwrap_or_else(|| discovery::instance(request));
        }
        let (endpoint, generation): (Endpoint, _) = match segments[1..] {
            [".well-known", "openid-configuration"] => (discovery::document, Generation::V1),
            ["v2.0", ".well-known", "openid-configuration"] => {
                (discovery::document, Generation::V2)
            }
            ["discovery", "keys"] => (discovery::keys, Generation::V1),
            ["discovery", "v2.0", "keys"] => (discovery::keys, Generation::V2),
            ["oauth2", "token"] => (token_endpoint::answer, Generation::V1),
            ["oauth2", "v2.0", "token"] => (token_endpoint::answer, Generation::V2),
            _ => return Response::empty(StatusCode::NOT_FOUND),
        };
        let is_token = segments[1] == "oauth2";
        let Some(tenant) = Tenant::named(segments[0]) else {
            let refusal = match is_token {
                true => aadsts::NO_TENANT,
                false => aadsts::NO_TENANT_TO_DISCOVER,
            };
            return Refusal::from(refusal).response(request);
        };
        let refused = only_get(request).filter(|_| !is_token);
        refused.unwrap_or_else(|| endpoint(self, &tenant, generation, request))
    }
}

type Endpoint = fn(&Issuer, &Tenant, Generation, &Request) -> Response;

impl Origin for Issuer {
    fn intake(&self) -> Intake {
        Intake::Whole(LARGEST_BODY)
    }

    fn answer(&self, request: &Request) -> Response {
        self.route(request)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// One tenant, by its GUID in lower case.
    One(String),
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
            _ => {
                let id: Guid = segment.parse().ok()?;
                Some(Self::One(id.to_string()))
            }
        }
    }

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
