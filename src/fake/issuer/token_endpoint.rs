//! May this client have this token? The client credentials grant (RFC 6749 §4.4) as Entra's two token
//! endpoints give it: v2 by `scope`, v1 by `resource`; secrets and assertions are really verified.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::client::Client;
use super::entra::{Issuer, Tenant};
use super::misbehaviour::ExpiresIn;
use super::refusal::{Refusal, ids, stamped};
use super::registration::{ApiRegistration, AppRegistration, Generation};
use crate::fake::faults::Failure;
use crate::fake::http::{Request, Response};

/// Entra's tokens are valid a little earlier than they are issued.
const BACKDATED: Duration = Duration::from_secs(300);

/// A token request as it came, for tests: the form holds the credentials.
#[derive(Clone)]
pub struct TokenRequest {
    /// The tenant's segment of the URL.
    pub tenant: String,
    /// Which of the two endpoints was asked.
    pub endpoint: Generation,
    /// The header fields.
    pub headers: HeaderMap,
    /// The form's fields, decoded, in order.
    pub form: Vec<(String, String)>,
}

impl TokenRequest {
    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.form, name)
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.form.iter().map(|(name, _)| name.as_str()).collect();
        out.debug_struct("TokenRequest")
            .field("tenant", &self.tenant)
            .field("endpoint", &self.endpoint)
            .field("fields", &names)
            .finish_non_exhaustive()
    }
}

/// `/{tenant}/oauth2[/v2.0]/token`.
pub(super) fn answer(
    issuer: &Issuer,
    tenant: &Tenant,
    endpoint: Generation,
    request: &Request,
) -> Response {
    if request.method != Method::POST {
        return Refusal::bad_request(900_561, "The endpoint only accepts POST requests.")
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
            .response(request)
            .with("allow", "POST");
    }
    let form: Vec<_> = form_urlencoded::parse(&request.body.kept)
        .into_owned()
        .collect();
    *issuer.state.last_token_request.lock() = Some(TokenRequest {
        tenant: tenant.segment().to_owned(),
        endpoint,
        headers: request.headers.clone(),
        form: form.clone(),
    });
    let (failure, pace) = issuer.state.token_door.admit();
    match failure {
        Some(failure) => outage(&failure, request),
        None => grant(issuer, tenant, endpoint, request, &form)
            .unwrap_or_else(|refusal| refusal.response(request)),
    }
    .paced(pace)
}

fn outage(failure: &Failure, request: &Request) -> Response {
    let (code, sentence) = match failure.status {
        StatusCode::TOO_MANY_REQUESTS => (90_055, "Too many requests."),
        _ => (90_033, "A transient error has occurred."),
    };
    let response = Refusal::new("temporarily_unavailable", code, sentence)
        .with_status(failure.status)
        .response(request);
    match &failure.retry_after {
        Some(wait) => response.with("retry-after", wait),
        None => response,
    }
}

fn grant(
    issuer: &Issuer,
    tenant: &Tenant,
    endpoint: Generation,
    request: &Request,
    form: &[(String, String)],
) -> Result<Response, Refusal> {
    check_form(request, form)?;
    let Tenant::One(tenant) = tenant else {
        return Err(Refusal::bad_request(
            9_001_023,
            "This grant is not supported over /common or /organizations; name the tenant.",
        ));
    };
    let client = Client::of(request, form)?;
    let identifier = match endpoint {
        Generation::V1 => field(form, "resource").ok_or_else(|| Refusal::missing("resource"))?,
        Generation::V2 => resource(form)?,
    };
    let registry = issuer.state.registry.read();
    let app = registry.app(tenant, &client.id).ok_or_else(|| {
        Refusal::new(
            "unauthorized_client",
            700_016,
            "The application was not found in the tenant.",
        )
    })?;
    if app.disabled {
        return Err(Refusal::new(
            "unauthorized_client",
            7_000_112,
            "The application is disabled.",
        ));
    }
    let proven_by = client.prove(issuer, app, tenant, request)?;
    let api = registry.api(identifier).ok_or_else(|| {
        Refusal::new(
            "invalid_resource",
            500_011,
            "The resource was not found in the tenant.",
        )
    })?;
    issue(
        issuer,
        tenant,
        endpoint,
        request,
        &Grant {
            app,
            api,
            identifier,
            proven_by,
        },
    )
}

fn check_form(request: &Request, form: &[(String, String)]) -> Result<(), Refusal> {
    // What a browser sends comes with Origin, and only registered single-page applications may.
    if request.headers.contains_key("origin") {
        return Err(Refusal::bad_request(
            9_002_326,
            "Cross-origin token redemption is permitted only for single-page applications.",
        ));
    }
    let is_form = request
        .header("content-type")
        .and_then(|value| value.split(';').next())
        .is_some_and(|media| {
            media
                .trim()
                .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
    if !is_form {
        return Err(Refusal::missing("grant_type"));
    }
    let mut names = HashSet::new();
    if !form.iter().all(|(name, _)| names.insert(name)) {
        return Err(Refusal::bad_request(
            9_000_411,
            "A parameter is duplicated.",
        ));
    }
    match field(form, "grant_type") {
        None => Err(Refusal::missing("grant_type")),
        Some("client_credentials") => Ok(()),
        Some(_) => Err(Refusal::new(
            "unsupported_grant_type",
            70_003,
            "The grant type is not supported.",
        )),
    }
}

/// The API that a v2 request's `scope` names: everything before the last slash of the one `…/.default`.
fn resource(form: &[(String, String)]) -> Result<&str, Refusal> {
    if field(form, "resource").is_some() {
        return Err(Refusal::bad_request(
            901_002,
            "The parameter 'resource' is not supported.",
        ));
    }
    let scope = field(form, "scope").ok_or_else(|| Refusal::missing("scope"))?;
    let mut scopes = scope.split_ascii_whitespace();
    let first = scopes
        .next()
        .ok_or_else(|| Refusal::new("invalid_scope", 70_011, "The scope is not valid."))?;
    let rest: Vec<&str> = scopes.collect();
    if !rest.is_empty() && rest.iter().all(|scope| scope.ends_with("/.default")) {
        return Err(Refusal::new(
            "invalid_scope",
            28_000,
            "The scope is not valid because it contains more than one resource.",
        ));
    }
    if rest
        .iter()
        .chain([&first])
        .any(|scope| ["openid", "profile", "email", "offline_access"].contains(scope))
    {
        return Err(Refusal::new(
            "invalid_scope",
            70_011,
            "The scope is not valid.",
        ));
    }
    first
        .strip_suffix("/.default")
        .filter(|resource| !resource.is_empty() && rest.is_empty())
        .ok_or_else(|| {
            Refusal::new(
                "invalid_scope",
                1_002_012,
                "Client credential flows must have a scope of one resource, suffixed with /.default.",
            )
        })
}

/// What is granted to whom.
struct Grant<'a> {
    app: &'a AppRegistration,
    api: &'a ApiRegistration,
    identifier: &'a str,
    proven_by: &'static str,
}

fn issue(
    issuer: &Issuer,
    tenant: &str,
    endpoint: Generation,
    request: &Request,
    grant: &Grant<'_>,
) -> Result<Response, Refusal> {
    let behaviour = issuer.state.behaviour.lock().clone();
    let (issued_at, expires_at) = (
        request.at.minus(BACKDATED),
        request.at.plus(Duration::from_secs(behaviour.lifetime)),
    );
    let mut token = issuer
        .token(tenant)
        .generation(grant.api.tokens)
        .audience(match grant.api.tokens {
            Generation::V1 => grant.identifier,
            Generation::V2 => &grant.api.client_id,
        })
        .client(&grant.app.client_id)
        .proven_by(grant.proven_by)
        .issued_at(issued_at)
        .expires_at(expires_at);
    for role in grant.app.roles_on(grant.api) {
        token = token.role(role);
    }
    if grant.api.client_id == ApiRegistration::GRAPH {
        token = token.for_graph();
    }
    let token = token
        .try_mint()
        .map_err(|_| Refusal::new("server_error", 90_006, "Signing failed."))?;

    // A lifetime of an hour is announced as 3599 seconds.
    let expires_in = behaviour.lifetime.saturating_sub(1);
    let number = |value: u64| match (endpoint, behaviour.expires_in) {
        (Generation::V1, _) | (_, ExpiresIn::String) => Value::String(value.to_string()),
        _ => Value::from(value),
    };
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": number(expires_in),
        "ext_expires_in": number(expires_in),
    });
    if endpoint == Generation::V1 {
        body["expires_on"] = number(expires_at.seconds());
        body["not_before"] = number(issued_at.seconds());
        body["resource"] = Value::from(grant.identifier);
    }
    if behaviour.expires_in == ExpiresIn::Missing
        && let Some(members) = body.as_object_mut()
    {
        members.retain(|name, _| !name.starts_with("e"));
    }
    if let Some(refresh_in) = behaviour.refresh_in {
        body["refresh_in"] = number(refresh_in);
    }
    if !behaviour.without_token {
        body["access_token"] = Value::String(token);
    }
    let (trace, correlation) = ids(request);
    Ok(stamped(
        Response::json(StatusCode::OK, &body),
        &trace,
        &correlation,
    ))
}

/// The first field of that name that is not empty.
pub(super) fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter()
        .find(|(field, value)| field == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
#[path = "token_endpoint_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "token_refusal_tests.rs"]
mod refusal_tests;
