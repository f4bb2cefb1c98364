//! Service Fabric, which is https and has one identity for each application, and Cloud Shell, which has its
//! user's.

use http::StatusCode;
use serde_json::{Value, json};
use url::form_urlencoded;
use uuid::Uuid;

use super::machine::{Machine, Missing};
use super::routes::parameter;
use crate::fake::http::{Request, Response};

pub(super) fn service_fabric(machine: &Machine, request: &Request) -> Response {
    if !request.secure {
        return Response::empty(StatusCode::NOT_FOUND);
    }
    if request.header("secret") != Some(machine.header().expose()) {
        let why = "Secret is not found in the request headers.";
        return refused(StatusCode::BAD_REQUEST, "SecretHeaderNotFound", why);
    }
    let parameters = request.parameters();
    if parameter(&parameters, "api-version") != Some("2019-07-01-preview") {
        let why = "The api-version is not supported.";
        return refused(StatusCode::BAD_REQUEST, "InvalidApiVersion", why);
    }
    let Some(resource) = parameter(&parameters, "resource") else {
        let why = "The parameter 'resource' should not be null or empty string.";
        return refused(StatusCode::BAD_REQUEST, "ArgumentNullOrEmpty", why);
    };
    match machine.find(resource, None, request.at) {
        Ok(found) => {
            let body = json!({
                "token_type": "Bearer",
                "access_token": found.token,
                "expires_on": found.expires_at.seconds(),
                "resource": resource,
            });
            Response::json(StatusCode::OK, &body)
        }
        Err(Missing::Resource) => {
            let why = "An error occurred while getting the token.";
            refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                why,
            )
        }
        Err(Missing::Identity | Missing::Ambiguous) => {
            let why = "No managed identity is found for the application.";
            refused(StatusCode::NOT_FOUND, "ManagedIdentityNotFound", why)
        }
    }
}

pub(super) fn cloud_shell(machine: &Machine, request: &Request) -> Response {
    if request.header("metadata") != Some("true") {
        let why = "Required metadata header not specified";
        return refused(StatusCode::BAD_REQUEST, "InvalidRequest", why);
    }
    let form: Vec<(String, String)> = form_urlencoded::parse(&request.body.kept)
        .into_owned()
        .collect();
    let resource = parameter(&form, "resource").unwrap_or_default();
    match machine.find(resource, None, request.at) {
        Ok(found) => {
            let text = |number: u64| Value::String(number.to_string());
            let body = json!({
                "access_token": found.token,
                "refresh_token": "",
                "expires_in": text(found.life),
                "expires_on": text(found.expires_at.seconds()),
                "not_before": text(found.issued_at.seconds()),
                "resource": resource,
                "token_type": "Bearer",
            });
            Response::json(StatusCode::OK, &body)
        }
        Err(_) => {
            let why = format!("Audience {resource} is not a supported MSI token audience.");
            refused(StatusCode::BAD_REQUEST, "AudienceNotSupported", &why)
        }
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let correlation = Uuid::new_v4().hyphenated().to_string();
    let error = json!({ "correlationId": correlation, "code": code, "message": message });
    Response::json(status, &json!({ "error": error }))
}
