//! Which request to the issuer goes where? Any GUID is a tenant; all tenants share the keys, as Entra's
//! do.

use http::{Method, StatusCode};
use serde_json::json;

use super::entra::{Issuer, Tenant};
use super::refusal::Refusal;
use super::registration::Generation;
use super::{aadsts, discovery, token_endpoint};
use crate::fake::http::{Intake, Origin, Request, Response};

const LARGEST_BODY: usize = 64 * 1024;

type Endpoint = fn(&Issuer, &Tenant, Generation, &Request) -> Response;

impl Origin for Issuer {
    fn intake(&self) -> Intake {
        Intake::Whole(LARGEST_BODY)
    }

    fn answer(&self, request: &Request) -> Response {
        routed(self, request)
    }
}

fn routed(issuer: &Issuer, request: &Request) -> Response {
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
        ["v2.0", ".well-known", "openid-configuration"] => (discovery::document, Generation::V2),
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
    refused.unwrap_or_else(|| endpoint(issuer, &tenant, generation, request))
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
