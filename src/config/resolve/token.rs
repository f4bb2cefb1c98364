//! Whose token does the route carry, and may it? What carries the gateway's own token must know who
//! calls, and must not let that token be read or sent astray.

use super::cloud::{self, cloud_of};
use super::context::{Context, rules};
use super::microsoft;
use super::names::Known;
use super::on_behalf_of;
use super::upstream::urls;
use crate::config::file::{Callers, Entry, Identity, OurToken, Route, Token};
use crate::config::value::mean_everything;
use crate::located::{At, HttpUrl, NodeId};
use crate::outbound::{Applications, TokenDefinition};
use crate::policy;

pub(super) fn token(
    context: &mut Context<'_>,
    known: &Known<'_>,
    route: &Route,
    callers: Option<&policy::Callers>,
) -> Option<TokenDefinition> {
    let Some(at) = route.token.get() else {
        return (!route.token.is_written()).then_some(TokenDefinition::Nothing);
    };
    let Token::Ours(ours) = &at.value else {
        check_forward(context, route, at.node);
        return Some(TokenDefinition::Forward);
    };
    let identity = known.identities.find(context, ours.identity.get());
    let scope = scope(context, at.node, ours, identity);
    let scope = scope.as_deref();
    check_callers(context, route);
    check_upstream(context, route, ours, identity);
    check_cloud(context, ours, identity);
    if ours.on_behalf_of.is_written() {
        on_behalf_of::check(context, known, (route, ours), identity, callers);
        return Some(TokenDefinition::OnBehalfOf {
            identity: ours.identity.value()?.into(),
            app_scope: match *ours.app {
                Applications::Refuse => None,
                Applications::AppOnly => Some(on_behalf_of::scope_of_apps(scope?)?),
            },
            scope: scope?.to_owned(),
        });
    }
    rules! { context,
        true => ours.app.node(),
            "`app` says what becomes of applications beside `on_behalf_of`, which is not here",
            "without it every caller is served by the identity's own token";
        scope.is_some_and(|scope| resource(scope).is_none()) && !is_of_another_server(identity) =>
            ours.scope.node(), "an app-only token has one scope, and it ends in `/.default`",
            "such as https://graph.microsoft.com/.default";
    }
    Some(TokenDefinition::App {
        identity: ours.identity.value()?.into(),
        scope: scope?.to_owned(),
    })
}

fn is_of_another_server(identity: Option<&Identity>) -> bool {
    identity.is_some_and(|identity| identity.oauth2.is_written())
}

/// Its scopes: the route's, or the identity's own; empty where a server is asked for none.
fn scope(
    context: &mut Context<'_>,
    place: NodeId,
    ours: &OurToken,
    identity: Option<&Identity>,
) -> Option<String> {
    if ours.scope.is_written() {
        return ours.scope.value().map(|scope| scope.0.clone());
    }
    if is_of_another_server(identity) {
        let client = identity?.oauth2.value()?;
        let usual = client.scope.value().map(|scope| scope.0.clone());
        return Some(usual.unwrap_or_default());
    }
    rules! { context,
        identity.is_some() && ours.complete => place, "`scope` is missing",
            "such as https://graph.microsoft.com/.default";
    }
    None
}

/// The API that a client of another server gets tokens for.
fn resource_elsewhere(identity: Option<&Identity>) -> Option<&str> {
    let client = identity?.oauth2.value()?;
    client.resource.value().map(|resource| resource.0.as_str())
}

/// What the token is for.
fn resource_of(ours: &OurToken) -> Option<&str> {
    let scope = ours.scope.value()?.0.as_str();
    match ours.on_behalf_of.is_written() {
        true => on_behalf_of::resource(scope),
        false => resource(scope),
    }
}

fn check_cloud(context: &mut Context<'_>, ours: &OurToken, identity: Option<&Identity>) {
    let scopes = resource_of(ours).and_then(cloud_of);
    let own = identity.and_then(|identity| Some(*identity.entra.value()?.cloud));
    let (Some(scopes), Some(own)) = (scopes, own) else {
        return;
    };
    rules! { context,
        scopes != own => ours.scope.node(),
            format!(
                "this scope is of the cloud `{}`, and the identity of `{}`",
                cloud::word(scopes), cloud::word(own)
            ),
            format_args!("an identity there says `cloud: {}` below `entra`", cloud::word(scopes));
    }
}

/// What an app-only scope is for.
fn resource(scope: &str) -> Option<&str> {
    scope
        .strip_suffix("/.default")
        .filter(|resource| !resource.is_empty() && !resource.contains(char::is_whitespace))
}

/// Only what a token let in can be forwarded.
fn check_forward(context: &mut Context<'_>, route: &Route, node: NodeId) {
    let entries = match route.callers.value() {
        Some(Callers::Entries(entries, _)) => &entries[..],
        Some(Callers::Public) | None => &[],
    };
    let without = entries
        .iter()
        .find(|entry| !entry.bearer.is_written() && entry.complete);
    let place = without.map(|entry| context.reader.tree().path(entry.node));
    rules! { context,
        matches!(route.callers.value(), Some(Callers::Public)) => node,
            "`forward` on a public route: there is no verified token to forward";
        place.is_some() => node, "`forward` needs a bearer token from every caller",
            format_args!("{} lets callers in without one", place.unwrap_or_default());
    }
}

/// Whoever may come in acts with the gateway's rights.
fn check_callers(context: &mut Context<'_>, route: &Route) {
    let entries = match route.callers.value() {
        Some(Callers::Entries(entries, _)) => &entries[..],
        Some(Callers::Public) | None => &[],
    };
    let has_host = route
        .r#match
        .value()
        .is_some_and(|r#match| r#match.host.is_written());
    rules! { context,
        matches!(route.callers.value(), Some(Callers::Public)) => route.callers.node(),
            "a route that carries the gateway's token cannot be public",
            "anyone could use the token; name who may come in";
    }
    for entry in entries {
        if let Some(any) = entry.bearer.value().map(|bearer| &bearer.any_valid_token) {
            rules! { context,
                **any => any.node(),
                    "a route that carries the gateway's token cannot take any valid token",
                    "name azp, roles, all_roles, scp or oid";
            }
        }
        check_network(context, entry, has_host);
    }
}

fn check_network(context: &mut Context<'_>, entry: &Entry, has_host: bool) {
    let presented = entry.bearer.is_written() || entry.api_key.is_written() || !entry.complete;
    let Some(network) = entry.network.get().filter(|_| !presented) else {
        return;
    };
    let everybody = mean_everything(network.values().copied());
    rules! { context,
        everybody => network.node,
            "these networks are everybody, on a route that carries the gateway's token",
            "name the networks that are meant, or ask for `bearer` or `api_key`";
        // SECURITY: by DNS rebinding a web page reaches any address under a name of its own.
        !everybody && !has_host => network.node,
            "a network alone, on a route that carries the gateway's token, needs `match.host`",
            "without it a web page could reach the route under a name of its own";
    }
}

fn check_upstream(
    context: &mut Context<'_>,
    route: &Route,
    ours: &OurToken,
    identity: Option<&Identity>,
) {
    let Some(upstream) = route.upstream.value() else {
        return;
    };
    rules! { context,
        // SECURITY: the caller would choose which site of the upstream gets the token.
        true => upstream.host.node(),
            "a route that carries the gateway's token sends the upstream's own Host";
    }
    // SECURITY: any of them may get the token.
    for url in urls(upstream) {
        rules! { context,
            url.is_exposed() && !upstream.socket.is_written() => url.node,
                "the gateway's token goes over https, or http to a loopback address",
                url.less_exposed();
        }
        if !*ours.allow_host_mismatch {
            check_host(context, url, ours, identity);
        }
    }
}

/// A token goes to the resource that it is for.
fn check_host(
    context: &mut Context<'_>,
    url: &At<HttpUrl>,
    ours: &OurToken,
    identity: Option<&Identity>,
) {
    let cloud = identity.and_then(|identity| Some(*identity.entra.value()?.cloud));
    let resource = resource_elsewhere(identity).or(resource_of(ours));
    // A platform does not say which cloud it is of.
    let cloud = cloud.or_else(|| resource.and_then(cloud_of));
    let hosts = |resource| microsoft::hosts(resource, cloud.unwrap_or_default());
    let Some(expected) = resource.and_then(hosts) else {
        return;
    };
    let host = url.0.host_str().unwrap_or_default();
    rules! { context,
        !expected.iter().any(|one| microsoft::is_one(host, one)) => url.node,
            format!("the token is for {}, and would be sent to {host}", expected.join(" or ")),
            "`token.allow_host_mismatch: true` if that host is meant";
    }
}
