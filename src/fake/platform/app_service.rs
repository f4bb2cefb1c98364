//! App Service with Functions and Container Apps, and Machine Learning, whose endpoint is an older one of
//! the same kind: times are absolute, and errors are a number and a sentence.

use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use serde_json::{Value, json};

use super::machine::{Found, Machine, Missing, Selected};
use super::routes::{parameter, selected};
use crate::clock::UnixTime;
use crate::fake::http::{Request, Response};

pub(super) fn app_service(machine: &Machine, request: &Request) -> Response {
    let shown = request.header("x-identity-header");
    if shown != Some(machine.header().expose()) {
        return refused(
            StatusCode::UNAUTHORIZED,
            "The identity header is missing or wrong.",
        );
    }
    let parameters = request.parameters();
    let names = ["client_id", "object_id", "principal_id", "mi_res_id"];
    let asked = selected(&parameters, &names);
    token(machine, request, &parameters, ("2019-08-01", asked))
}

pub(super) fn machine_learning(machine: &Machine, request: &Request) -> Response {
    if request.header("secret") != Some(machine.header().expose()) {
        return refused(StatusCode::UNAUTHORIZED, "The secret is missing or wrong.");
    }
    let parameters = request.parameters();
    let asked = selected(&parameters, &["clientid"]);
    token(machine, request, &parameters, ("2017-09-01", asked))
}

fn token(
    machine: &Machine,
    request: &Request,
    parameters: &[(String, String)],
    (version, asked): (&str, Selected<'_>),
) -> Response {
    if parameter(parameters, "api-version") != Some(version) {
        return refused(StatusCode::BAD_REQUEST, "The api-version is not supported.");
    }
    let Some(resource) = parameter(parameters, "resource") else {
        return refused(
            StatusCode::BAD_REQUEST,
            "The parameter resource is missing.",
        );
    };
    match machine.find(resource, asked, request.at) {
        Ok(found) => {
            let time = match machine.habits().dates {
                true => spelled(found.expires_at),
                false => found.expires_at.seconds().to_string(),
            };
            Response::json(StatusCode::OK, &body(&found, resource, &time))
        }
        Err(Missing::Identity | Missing::Ambiguous) => refused(
            StatusCode::BAD_REQUEST,
            "No User Assigned or Delegated Managed Identity found for specified \
             ClientId/ResourceId/PrincipalId.",
        ),
        // It does not tell a wrong name from a fault of its own.
        Err(Missing::Resource) => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "An unexpected error occured while fetching the AAD Token.",
        ),
    }
}

fn body(found: &Found, resource: &str, expires_on: &str) -> Value {
    json!({
        "access_token": found.token,
        "expires_on": expires_on,
        "resource": resource,
        "token_type": "Bearer",
        "client_id": found.identity.client_id,
    })
}

/// `06/20/2026 02:57:58 +00:00`
fn spelled(time: UnixTime) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(time.seconds());
    let text = humantime::format_rfc3339_seconds(time).to_string();
    let (year, month, day) = (&text[..4], &text[5..7], &text[8..10]);
    format!("{month}/{day}/{year} {} +00:00", &text[11..19])
}

fn refused(status: StatusCode, message: &str) -> Response {
    let body = json!({ "statusCode": status.as_u16(), "message": message });
    Response::json(status, &body)
}
