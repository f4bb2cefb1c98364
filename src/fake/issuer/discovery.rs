//! Where is everything? OpenID discovery of both generations, instance discovery, and the key sets. The
//! `issuer` strings are the cloud's own; the endpoints are wherever this issuer was reached.

use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::aadsts;
use super::entra::{Issuer, Tenant, issuer_string};
use super::misbehaviour::KeyAnswer;
use super::refusal::Refusal;
use super::registration::Generation;
use super::signing_key::SigningKey;
use crate::fake::http::{Request, Response};

/// `/{tenant}[/v2.0]/.well-known/openid-configuration`.
pub(super) fn document(
    _: &Issuer,
    tenant: &Tenant,
    generation: Generation,
    request: &Request,
) -> Response {
    let root = root(request, tenant.segment());
    let (oauth, keys) = match generation {
        Generation::V1 => ("oauth2", "discovery/keys"),
        Generation::V2 => ("oauth2/v2.0", "discovery/v2.0/keys"),
    };
    let mut document = json!({
        "token_endpoint": format!("{root}/{oauth}/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{root}/{keys}"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported":
            ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer_string(generation, tenant.in_issuer()),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        "authorization_endpoint": format!("{root}/{oauth}/authorize"),
        "device_authorization_endpoint": format!("{root}/{oauth}/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{root}/{oauth}/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name",
            "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat", "auth_time", "acr",
            "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
        ],
        "tenant_region_scope": match tenant {
            Tenant::One(_) => json!("EU"),
            Tenant::Many(_) => Value::Null,
        },
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    });
    if generation == Generation::V1 {
        document["microsoft_multi_refresh_token"] = Value::Bool(true);
        document["check_session_iframe"] = json!(format!("{root}/{oauth}/checksession"));
        document["userinfo_endpoint"] = json!(format!("{root}/openid/userinfo"));
    }
    published(&document)
}

/// `/common/discovery/instance`: is a host one of Entra's? Only the one we are reached by is.
pub(super) fn instance(request: &Request) -> Response {
    let mut parameters = request.parameters().into_iter();
    let asked = parameters.find(|(name, _)| name == "authorization_endpoint");
    let asked = asked.and_then(|(_, value)| Url::parse(&value).ok());
    let ours = request.base().and_then(|base| Url::parse(&base).ok());
    let (Some(asked), Some(ours)) = (asked, ours) else {
        return Refusal::missing("authorization_endpoint").response(request);
    };
    let mut segments = asked.path_segments();
    let tenant = segments.as_mut().and_then(|segments| segments.next());
    let tenant = tenant.unwrap_or_default();
    if asked.origin() != ours.origin() || Tenant::named(tenant).is_none() {
        return Refusal::from(aadsts::NO_INSTANCE).response(request);
    }
    let host = request.header("host").unwrap_or_default();
    published(&json!({
        "tenant_discovery_endpoint":
            format!("{}/v2.0/.well-known/openid-configuration", root(request, tenant)),
        "api-version": "1.1",
        "metadata": [{
            "preferred_network": host, "preferred_cache": host, "aliases": [host],
        }],
    }))
}

/// `/{tenant}/discovery[/v2.0]/keys`. No key carries `alg`; only v2's carry `issuer`.
pub(super) fn keys(
    issuer: &Issuer,
    tenant: &Tenant,
    generation: Generation,
    _: &Request,
) -> Response {
    let (failure, pace) = issuer.state.key_door.admit();
    if let Some(failure) = failure {
        return failure.stamp(Response::empty(failure.status)).paced(pace);
    }
    let as_published = |key: &SigningKey| {
        let mut jwk = key.jwk();
        if generation == Generation::V2 {
            jwk["cloud_instance_name"] = json!("microsoftonline.com");
            jwk["issuer"] = json!(issuer_string(generation, tenant.in_issuer()));
        }
        jwk
    };
    let keys: Vec<Value> = match issuer.state.behaviour.lock().keys {
        KeyAnswer::Garbage => {
            let body = b"<html>Our services aren't available right now</html>".to_vec();
            return Response::of(StatusCode::OK, "text/html", body).paced(pace);
        }
        KeyAnswer::Empty => Vec::new(),
        KeyAnswer::Good => issuer.published_keys().iter().map(as_published).collect(),
    };
    published(&json!({ "keys": keys })).paced(pace)
}

fn root(request: &Request, tenant: &str) -> String {
    format!("{}/{tenant}", request.base().unwrap_or_default())
}

fn published(document: &Value) -> Response {
    Response::json(StatusCode::OK, document)
        .with("cache-control", "max-age=86400, private")
        .with("access-control-allow-origin", "*")
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
