//! The metadata service of a virtual machine, and that of Azure Arc's agent, which is made after it:
//! numbers are strings, and errors are OAuth's.

use http::StatusCode;
use serde_json::{Value, json};

use super::machine::{Found, Machine, Missing};
use super::routes::{parameter, selected};
use crate::fake::http::{Request, Response};

pub(super) fn imds(machine: &Machine, request: &Request) -> Response {
    if let Some(refused) = unasked(request, "2018-02-01") {
        return refused;
    }
    let parameters = request.parameters();
    let names = ["client_id", "object_id", "msi_res_id", "mi_res_id"];
    let Some(resource) = parameter(&parameters, "resource") else {
        return refused(
            "invalid_request",
            "Required query variable 'resource' is missing",
        );
    };
    match machine.find(resource, selected(&parameters, &names), request.at) {
        Ok(found) => Response::json(StatusCode::OK, &body(&found, resource)),
        Err(why) => missing(why, resource),
    }
}

pub(super) fn arc(machine: &Machine, request: &Request) -> Response {
    if let Some(refused) = unasked(request, "2020-06-01") {
        return refused;
    }
    let habits = machine.habits();
    let Some((path, key)) = &habits.arc_key else {
        return Response::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let wanted = format!("Basic {key}");
    if request.header("authorization") != Some(wanted.as_str()) {
        let challenge = format!("Basic realm={}", path.display());
        return Response::empty(StatusCode::UNAUTHORIZED).with("www-authenticate", &challenge);
    }
    let parameters = request.parameters();
    let Some(resource) = parameter(&parameters, "resource") else {
        return refused(
            "invalid_request",
            "Required query variable 'resource' is missing",
        );
    };
    let names = ["client_id", "object_id", "msi_res_id"];
    let asked = selected(&parameters, &names).filter(|_| !habits.old_agent);
    match machine.find(resource, asked, request.at) {
        Ok(found) => {
            let mut body = body(&found, resource);
            let identity = &found.identity;
            // It says whose token it is, by the word that it was asked by.
            match asked {
                Some(("client_id", _)) => {}
                Some(("object_id", _)) => body["object_id"] = json!(identity.object_id),
                Some((_, _)) => body["msi_res_id"] = json!(identity.resource_id),
                None => body["client_id"] = Value::Null,
            }
            Response::json(StatusCode::OK, &body)
        }
        Err(why) => missing(why, resource),
    }
}

/// What a request must have before anything is looked at.
fn unasked(request: &Request, version: &str) -> Option<Response> {
    if request.header("metadata") != Some("true") {
        let why = "Required metadata header not specified";
        return Some(refused("invalid_request", why));
    }
    // What a proxy passes on comes from elsewhere.
    if request.headers.contains_key("x-forwarded-for") {
        return Some(refused(
            "invalid_request",
            "Forwarded requests are not answered",
        ));
    }
    let parameters = request.parameters();
    if parameter(&parameters, "api-version") != Some(version) {
        let body = json!({
            "error": "Bad request. api-version was not specified in the request. For more information \
                      refer to aka.ms/azureimds",
            "newest-versions": ["2025-04-07", "2024-07-17", "2023-11-15"],
        });
        return Some(Response::json(StatusCode::BAD_REQUEST, &body));
    }
    None
}

fn body(found: &Found, resource: &str) -> Value {
    let text = |number: u64| Value::String(number.to_string());
    json!({
        "access_token": found.token,
        "client_id": found.identity.client_id,
        "expires_in": text(found.life),
        "expires_on": text(found.expires_at.seconds()),
        "ext_expires_in": text(found.life),
        "not_before": text(found.issued_at.seconds()),
        "resource": resource,
        "token_type": "Bearer",
    })
}

fn missing(why: Missing, resource: &str) -> Response {
    match why {
        Missing::Identity => refused("invalid_request", "Identity not found"),
        Missing::Ambiguous => refused(
            "invalid_request",
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the \
             identity in the token request",
        ),
        Missing::Resource => refused(
            "invalid_resource",
            &format!(
                "AADSTS500011: The resource principal named {resource} was not found in the tenant."
            ),
        ),
    }
}

fn refused(error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    Response::json(StatusCode::BAD_REQUEST, &body)
}
