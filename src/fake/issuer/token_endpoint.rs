//! May this client have this token? The client credentials grant (RFC 6749 §4.4) as Entra's two token
//! endpoints give it: v2 by `scope`, v1 by `resource`; secrets and assertions are really verified.

use std::collections::HashSet;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::aadsts;
use super::client::Client;
use super::entra::{Issuer, Tenant};
use super::misbehaviour::{ExpiresIn, TokenRequest, field};
use super::on_behalf_of::{self, Delegation};
use super::refusal::{Refusal, ensure, ids, stamped};
use super::registration::{ApiRegistration, AppRegistration, Generation};
use crate::fake::http::{Request, Response};

/// Entra's tokens are valid a little earlier than they are issued.
const BACKDATED: Duration = Duration::from_secs(300);

pub(super) fn answer(
    issuer: &Issuer,
    tenant: &Tenant,
    endpoint: Generation,
    request: &Request,
) -> Response {
    if request.method != Method::POST {
        return Refusal::from(aadsts::NOT_POST)
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
            .response(request)
            .with("allow", "POST");
    }
    let form = form_urlencoded::parse(&request.body.kept);
    let form: Vec<_> = form.into_owned().collect();
    *issuer.state.last_token_request.lock() = Some(TokenRequest {
        tenant: tenant.segment().to_owned(),
        endpoint,
        headers: request.headers.clone(),
        form: form.clone(),
    });
    let (failure, pace) = issuer.state.token_door.admit();
    match failure {
        Some(failure) => failure.stamp(outage(failure.status).response(request)),
        None => grant(issuer, tenant, endpoint, request, &form)
            .unwrap_or_else(|refusal| refusal.response(request)),
    }
    .paced(pace)
}

fn outage(status: StatusCode) -> Refusal {
    let refusal = match status {
        StatusCode::TOO_MANY_REQUESTS => aadsts::THROTTLED,
        _ => aadsts::TRANSIENT,
    };
    Refusal::from(refusal).with_status(status)
}

fn grant(
    issuer: &Issuer,
    tenant: &Tenant,
    endpoint: Generation,
    request: &Request,
    form: &[(String, String)],
) -> Result<Response, Refusal> {
    let flow = flow(request, form)?;
    let Tenant::One(tenant) = tenant else {
        return Err(aadsts::MANY_TENANTS.into());
    };
    let client = Client::of(request, form)?;
    let identifier = match (endpoint, flow) {
        (Generation::V1, _) => {
            field(form, "resource").ok_or_else(|| Refusal::missing("resource"))?
        }
        (Generation::V2, Flow::ClientCredentials) => resource(form)?,
        (Generation::V2, Flow::OnBehalfOf) => on_behalf_of::resource(form)?,
    };
    let registry = issuer.state.registry.read();
    let app = registry.app(tenant, &client.id).ok_or(aadsts::NO_APP)?;
    ensure(!app.disabled, aadsts::DISABLED)?;
    let proven_by = client.prove(issuer, app, tenant, request)?;
    let api = registry.api(identifier).ok_or(aadsts::NO_API)?;
    let delegation = match flow {
        Flow::ClientCredentials => None,
        Flow::OnBehalfOf => Some(on_behalf_of::delegation(
            issuer,
            &registry,
            (app, api, tenant),
            form,
            request.at,
        )?),
    };
    let grant = Grant {
        app,
        api,
        identifier,
        proven_by,
        delegation,
    };
    issue(issuer, tenant, endpoint, request, &grant)
}

/// On whose behalf a token is asked for.
#[derive(Clone, Copy)]
enum Flow {
    /// The application's own (RFC 6749 §4.4).
    ClientCredentials,
    /// A user's (RFC 7523 §2.1).
    OnBehalfOf,
}

fn flow(request: &Request, form: &[(String, String)]) -> Result<Flow, Refusal> {
    // What a browser sends comes with Origin, and only registered single-page applications may.
    let is_from_a_browser = request.headers.contains_key("origin");
    ensure(!is_from_a_browser, aadsts::FROM_A_BROWSER)?;
    if request.media_type() != "application/x-www-form-urlencoded" {
        return Err(Refusal::missing("grant_type"));
    }
    let mut names = HashSet::new();
    let is_single = form.iter().all(|(name, _)| names.insert(name));
    ensure(is_single, aadsts::DOUBLED)?;
    let grant = field(form, "grant_type").ok_or_else(|| Refusal::missing("grant_type"))?;
    match grant {
        "client_credentials" => Ok(Flow::ClientCredentials),
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => Ok(Flow::OnBehalfOf),
        _ => Err(aadsts::OTHER_GRANT.into()),
    }
}

/// The API that a v2 request's `scope` names: everything before the last slash of the one `…/.default`.
fn resource(form: &[(String, String)]) -> Result<&str, Refusal> {
    ensure(field(form, "resource").is_none(), aadsts::RESOURCE_IN_V2)?;
    let scope = field(form, "scope").ok_or_else(|| Refusal::missing("scope"))?;
    let scopes: Vec<&str> = scope.split_ascii_whitespace().collect();
    let (first, rest) = scopes.split_first().ok_or(aadsts::BAD_SCOPE)?;
    let are_all_resources = rest.iter().all(|scope| scope.ends_with("/.default"));
    let is_one = rest.is_empty() || !are_all_resources;
    ensure(is_one, aadsts::MANY_RESOURCES)?;
    let of_users = ["openid", "profile", "email", "offline_access"];
    let is_for_apps = !scopes.iter().any(|scope| of_users.contains(scope));
    ensure(is_for_apps, aadsts::BAD_SCOPE)?;
    let resource = first.strip_suffix("/.default");
    let resource = resource.filter(|name| !name.is_empty() && rest.is_empty());
    resource.ok_or_else(|| aadsts::NOT_DEFAULT.into())
}

struct Grant<'a> {
    app: &'a AppRegistration,
    api: &'a ApiRegistration,
    identifier: &'a str,
    proven_by: &'static str,
    /// The user that it acts for, where it is not for itself.
    delegation: Option<Delegation>,
}

fn issue(
    issuer: &Issuer,
    tenant: &str,
    endpoint: Generation,
    request: &Request,
    grant: &Grant<'_>,
) -> Result<Response, Refusal> {
    let behaviour = issuer.state.behaviour.lock().clone();
    let lifetime = behaviour.lifetime.unwrap_or(3600);
    let (issued_at, expires_at) = (
        request.at.minus(BACKDATED),
        request.at.plus(Duration::from_secs(lifetime)),
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
    match &grant.delegation {
        None => {
            for role in grant.app.roles_on(grant.api) {
                token = token.role(role);
            }
        }
        Some(user) => {
            token = token
                .user(&user.user_name)
                .claim("oid", user.object_id.as_str());
            for scope in &user.scopes {
                token = token.scope(scope);
            }
        }
    }
    if grant.api.client_id == ApiRegistration::GRAPH {
        token = token.for_graph();
    }
    let token = token.try_mint().map_err(|_| aadsts::NO_SIGNATURE)?;

    // A lifetime of an hour is announced as 3599 seconds.
    let expires_in = lifetime.saturating_sub(1);
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
    if let Some(user) = &grant.delegation {
        body["scope"] = Value::from(user.scopes.join(" "));
        if user.offline {
            body["refresh_token"] = Value::from(format!("0.{}", uuid::Uuid::new_v4().simple()));
        }
    }
    if !behaviour.without_token {
        body["access_token"] = Value::String(token);
    }
    let (trace, correlation) = ids(request);
    let response = Response::json(StatusCode::OK, &body);
    Ok(stamped(response, &trace, &correlation))
}

#[cfg(test)]
#[path = "token_endpoint_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "token_refusal_tests.rs"]
mod refusal_tests;
