//! May this application act for this user? Entra's on-behalf-of flow (RFC 7523 §2.1, with `requested_token_use`):
//! the assertion is really verified, its user must exist, and somebody must have consented.

use serde_json::{Map, Value};

use super::aadsts;
use super::bearer::BearerError;
use super::entra::Issuer;
use super::misbehaviour::field;
use super::refusal::{Refusal, ensure};
use super::registration::{ApiRegistration, AppRegistration, Registry};
use super::user::UserState;
use crate::clock::UnixTime;

/// What every application may ask for beside, for the user itself.
const OF_OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What is given: to act for whom, and to do what.
#[derive(Debug)]
pub(super) struct Delegation {
    pub(super) user_name: String,
    pub(super) object_id: String,
    pub(super) scopes: Vec<String>,
    /// A refresh token was asked for.
    pub(super) offline: bool,
}

/// The API that a request's scopes are of, as they name it: everything before the last slash of each.
pub(super) fn resource(form: &[(String, String)]) -> Result<&str, Refusal> {
    let scope = field(form, "scope").ok_or_else(|| Refusal::missing("scope"))?;
    let named = scope.split_ascii_whitespace();
    let mut named = named.filter(|scope| !OF_OPENID.contains(scope));
    let of = |scope: &'_ str| {
        scope
            .rsplit_once('/')
            .map_or(0, |(resource, _)| resource.len())
    };
    let first = named.next().ok_or(aadsts::BAD_SCOPE)?;
    let resource = &first[..of(first)];
    ensure(!resource.is_empty(), aadsts::BAD_SCOPE)?;
    let is_same = |other: &str| &other[..of(other)] == resource;
    ensure(named.all(is_same), aadsts::MANY_RESOURCES)?;
    Ok(resource)
}

/// Whom an application may act for by this request's assertion.
pub(super) fn delegation(
    issuer: &Issuer,
    registry: &Registry,
    (app, api, tenant): (&AppRegistration, &ApiRegistration, &str),
    form: &[(String, String)],
    now: UnixTime,
) -> Result<Delegation, Refusal> {
    let usage = field(form, "requested_token_use");
    let usage = usage.ok_or_else(|| Refusal::missing("requested_token_use"))?;
    ensure(usage == "on_behalf_of", aadsts::OTHER_GRANT)?;
    let assertion = field(form, "assertion").ok_or_else(|| Refusal::missing("assertion"))?;
    let claims = proven(issuer, registry, app, assertion, now)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    ensure(text("tid") == Some(tenant), aadsts::BAD_USER_ASSERTION)?;
    ensure(text("scp").is_some(), aadsts::ASSERTION_OF_AN_APP)?;
    let names = ["preferred_username", "upn", "unique_name"];
    let name = names.iter().find_map(|name| text(name));
    let (Some(user_name), Some(object_id)) = (name, text("oid")) else {
        return Err(aadsts::BAD_USER_ASSERTION.into());
    };
    check_user(registry.user(user_name), &claims)?;
    let wanted = field(form, "scope").unwrap_or_default();
    Ok(Delegation {
        user_name: user_name.to_owned(),
        object_id: object_id.to_owned(),
        scopes: consented(app, api, wanted)?,
        offline: wanted
            .split_ascii_whitespace()
            .any(|one| one == "offline_access"),
    })
}

/// The claims of an assertion that is genuine, in time, and for this application.
fn proven(
    issuer: &Issuer,
    registry: &Registry,
    app: &AppRegistration,
    assertion: &str,
    now: UnixTime,
) -> Result<Map<String, Value>, Refusal> {
    let uris = registry.api(&app.client_id).map(|api| &api.uris[..]);
    let uris = uris.unwrap_or_default().iter().map(String::as_str);
    let implied = format!("api://{}", app.client_id);
    let own = [app.client_id.as_str(), implied.as_str()];
    let audiences: Vec<&str> = own.into_iter().chain(uris).collect();
    issuer
        .check(assertion, &audiences, now)
        .map_err(|why| match why {
            BearerError::Lifetime => aadsts::LATE_USER_ASSERTION.into(),
            BearerError::Audience => aadsts::FOREIGN_USER_ASSERTION.into(),
            BearerError::Malformed | BearerError::Signature | BearerError::Issuer => {
                aadsts::BAD_USER_ASSERTION.into()
            }
        })
}

fn check_user(state: UserState, claims: &Map<String, Value>) -> Result<(), Refusal> {
    let methods = claims.get("amr").and_then(Value::as_array);
    let has_second_factor = methods.is_some_and(|all| all.iter().any(|one| one == "mfa"));
    match state {
        UserState::Well => Ok(()),
        UserState::SecondFactor if has_second_factor => Ok(()),
        UserState::SecondFactor => {
            let demanded = r#"{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}"#;
            Err(Refusal::from(aadsts::SECOND_FACTOR)
                .with_suberror("basic_action")
                .with_claims(demanded))
        }
        UserState::Blocked => Err(Refusal::from(aadsts::BLOCKED).with_suberror("message_only")),
        UserState::Disabled => Err(aadsts::DISABLED_USER.into()),
        UserState::Revoked => Err(Refusal::from(aadsts::REVOKED).with_suberror("bad_token")),
        UserState::Looping => Err(aadsts::LOOP.into()),
    }
}

/// What of the scopes wanted somebody has consented to: all of them, or all there is where `.default` asks
/// for that.
fn consented(
    app: &AppRegistration,
    api: &ApiRegistration,
    wanted: &str,
) -> Result<Vec<String>, Refusal> {
    let granted: Vec<&str> = app.scopes_on(api).collect();
    let named = wanted.split_ascii_whitespace();
    let named = named.filter(|scope| !OF_OPENID.contains(scope));
    let named: Vec<&str> = named
        .filter_map(|scope| scope.rsplit_once('/').map(|(_, name)| name))
        .collect();
    let default = named.contains(&".default");
    ensure(!default || named.len() == 1, aadsts::BAD_SCOPE)?;
    let given = match default {
        true => granted,
        false if named.iter().all(|name| granted.contains(name)) => named,
        false => Vec::new(),
    };
    if given.is_empty() {
        return Err(Refusal::from(aadsts::NO_CONSENT).with_suberror("consent_required"));
    }
    Ok(given.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
#[path = "on_behalf_of_tests.rs"]
mod tests;
