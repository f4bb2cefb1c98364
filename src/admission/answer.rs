//! Each denial in HTTP, and nowhere else: its reason's status, header fields, problem details
//! (RFC 9457). How it is sent is the listener's business.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::{Denial, Refusal, limits};
use crate::inbound::AuthError;
use crate::request::RequestId;
use crate::request::header_names::X_REQUEST_ID;
use crate::routing::RouteMiss;

/// RFC 9457, with two members of our own.
#[derive(serde::Serialize)]
struct Problem<'a> {
    status: u16,
    title: &'a str,
    reason: &'a str,
    request_id: &'a str,
}

impl Denial {
    pub fn answer(&self, request_id: &RequestId) -> Response<Bytes> {
        let problem = Problem {
            status: self.status().as_u16(),
            title: self.reason().sentence(),
            reason: self.reason().word(),
            request_id: request_id.as_str(),
        };
        // A struct of texts and a number always has a JSON form.
        let mut body = serde_json::to_vec(&problem).unwrap_or_default();
        // For whoever reads it on a terminal: the prompt begins on a line of its own.
        body.push(b'\n');
        let body = Bytes::from(body);
        let length = HeaderValue::from(body.len());
        let mut answer = Response::new(body);
        *answer.status_mut() = self.status();
        let fields = answer.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        fields.insert(header::CONTENT_TYPE, problem);
        fields.insert(header::CONTENT_LENGTH, length);
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(X_REQUEST_ID, request_id.header().clone());
        for (name, value) in self.fields() {
            // What cannot be a header is left out: the status says enough.
            if let Ok(value) = HeaderValue::try_from(value) {
                fields.append(name, value);
            }
        }
        answer
    }

    pub(super) fn fields(&self) -> Vec<(HeaderName, String)> {
        match (self.status(), &self.refusal) {
            (StatusCode::METHOD_NOT_ALLOWED, Refusal::Route(miss)) => allow(miss),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Refusal::Auth(why)) => {
                self.challenge(why)
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Refusal::Token { why, .. }) => {
                self.demand(why.claims())
            }
            // What was exchanged was refused by the upstream, and no other is given.
            (
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN,
                Refusal::Upstream { claims, .. },
            ) => self.demand(claims.as_deref()),
            (_, Refusal::Limit { exceeded, .. }) => limits::fields(exceeded),
            (StatusCode::SERVICE_UNAVAILABLE, refusal) => retry_after(refusal),
            _ => Vec::new(),
        }
    }

    /// What a caller's client must do before it is acted for: get a token that claims more, as Entra's own
    /// APIs say it (its claims challenges; the claims are base64), or another one.
    fn demand(&self, claims: Option<&str>) -> Vec<(HeaderName, String)> {
        let error = match (self.status(), claims) {
            (StatusCode::UNAUTHORIZED, Some(_)) => "insufficient_claims",
            (StatusCode::UNAUTHORIZED, None) => "invalid_token",
            (_, _) => "insufficient_scope",
        };
        let mut challenges = self.challenges(Some(error));
        if let Some(claims) = claims {
            let claims = format!(", claims=\"{}\"", STANDARD.encode(claims));
            challenges
                .iter_mut()
                .for_each(|(_, value)| value.push_str(&claims));
        }
        challenges
    }

    /// RFC 6750 §3: no error code where nothing was presented; `invalid_token` for a bad one,
    /// `insufficient_scope` for one that does not suffice.
    fn challenge(&self, why: &AuthError) -> Vec<(HeaderName, String)> {
        let error = match (self.status(), why.is_of_bearer()) {
            (StatusCode::UNAUTHORIZED, true) => Some("invalid_token"),
            (StatusCode::UNAUTHORIZED, false) => None,
            (_, true) => Some("insufficient_scope"),
            (_, false) => return Vec::new(),
        };
        self.challenges(error)
    }

    fn challenges(&self, error: Option<&str>) -> Vec<(HeaderName, String)> {
        let Some(route) = &self.route else {
            return Vec::new();
        };
        let (id, description) = (&route.definition.id, self.reason().sentence());
        let challenges = route.gate.challenge(id, error, description);
        challenges
            .map(|value| (header::WWW_AUTHENTICATE, value))
            .collect()
    }

    pub fn status(&self) -> StatusCode {
        let status = StatusCode::from_u16(self.reason().status());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn allow(miss: &RouteMiss) -> Vec<(HeaderName, String)> {
    let RouteMiss::MethodNotAllowed { allow } = miss else {
        return Vec::new();
    };
    let names: Vec<&str> = allow.iter().map(Method::as_str).collect();
    vec![(header::ALLOW, names.join(", "))]
}

fn retry_after(refusal: &Refusal) -> Vec<(HeaderName, String)> {
    let wait = refusal.retry_after().map(|wait| wait.as_secs().max(1));
    let field = wait.map(|seconds| (header::RETRY_AFTER, seconds.to_string()));
    field.into_iter().collect()
}
