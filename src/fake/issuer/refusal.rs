//! How does Entra say no? An OAuth error with an AADSTS code and the ids by which support finds it. Codes,
//! members and statuses are the original's.

use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::aadsts::Aadsts;
use crate::fake::http::{Request, Response};

#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    code: u64,
    sentence: String,
    suberror: Option<&'static str>,
    claims: Option<&'static str>,
}

impl From<Aadsts> for Refusal {
    fn from(Aadsts(code, error, sentence): Aadsts) -> Self {
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            error,
            code,
            sentence: sentence.to_owned(),
            suberror: None,
            claims: None,
        }
    }
}

impl Refusal {
    pub(super) fn missing(parameter: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: "invalid_request",
            code: 900_144,
            sentence: format!("The request body must contain the parameter '{parameter}'."),
            suberror: None,
            claims: None,
        }
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub(super) fn with_suberror(mut self, suberror: &'static str) -> Self {
        self.suberror = Some(suberror);
        self
    }

    /// With what the user's token must claim first: JSON.
    pub(super) fn with_claims(mut self, claims: &'static str) -> Self {
        self.claims = Some(claims);
        self
    }

    pub(super) fn response(&self, request: &Request) -> Response {
        let (trace, correlation) = ids(request);
        let timestamp = request.at.to_string().replace('T', " ");
        let mut body = json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{}: {} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}",
                self.code, self.sentence
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        for (name, value) in [("suberror", self.suberror), ("claims", self.claims)] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        stamped(Response::json(self.status, &body), &trace, &correlation)
    }
}

/// A trace id of ours, and the correlation id: the caller's `client-request-id` when that is a GUID.
pub(super) fn ids(request: &Request) -> (String, String) {
    let fresh = || Uuid::new_v4().hyphenated().to_string();
    let correlation = request.client_request_id().unwrap_or_else(fresh);
    (fresh(), correlation)
}

pub(super) fn stamped(response: Response, trace: &str, correlation: &str) -> Response {
    response
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
        .with("x-ms-request-id", trace)
        .with("client-request-id", correlation)
}

pub(super) fn ensure(holds: bool, otherwise: Aadsts) -> Result<(), Refusal> {
    holds.then_some(()).ok_or_else(|| otherwise.into())
}
