//! Whose token does the route carry, and may it? What carries the gateway's own token must know who
//! calls, and must not let that token be read or sent astray.

use std::sync::Arc;

use super::context::Context;
use super::microsoft;
use super::whole::Known;
use crate::config::file::{Callers, Entry, OurToken, Route, Token};
use crate::config::value::mean_everything;
use crate::entra::Cloud;
use crate::located::{At, HttpUrl, NodeId, Or};
use crate::outbound::TokenDefinition;

/// A route's token.
pub(super) fn token(
    context: &mut Context<'_>,
    known: &Known<'_>,
    route: &Route,
) -> Option<TokenDefinition> {
    let Some(at) = route.token.get() else {
        return (!route.token.is_written()).then_some(TokenDefinition::Nothing);
    };
    match &at.value {
        Token::Forward => {
            check_forward(context, route, at.node);
            Some(TokenDefinition::Forward)
        }
        Token::Ours(ours) => {
            check_callers(context, route);
            check_upstream(context, known, route, ours);
            resolved(context, known, ours)
        }
    }
}

fn resolved(
    context: &mut Context<'_>,
    known: &Known<'_>,
    ours: &OurToken,
) -> Option<TokenDefinition> {
    if let Some(name) = ours.identity.get()
        && !known.identities.contains_key(name.value.0.as_str())
        && (known.complete || !known.identities.is_empty())
    {
        context.unknown(
            "identity",
            &name.value.0,
            name.node,
            known.identities.keys().copied(),
        );
    }
    if let Some(scope) = ours.scope.get()
        && resource(&scope.value.0).is_none()
    {
        context
            .problem(
                scope.node,
                "an app-only token has one scope, and it ends in `/.default`",
            )
            .hint("such as https://graph.microsoft.com/.default");
    }
    Some(TokenDefinition::App {
        identity: Arc::from(ours.identity.get()?.value.0.as_str()),
        scope: ours.scope.get()?.value.0.clone(),
    })
}

/// What an app-only scope is for.
fn resource(scope: &str) -> Option<&str> {
    scope
        .strip_suffix("/.default")
        .filter(|resource| !resource.is_empty() && !resource.contains(char::is_whitespace))
}

/// Only what a token let in can be forwarded.
fn check_forward(context: &mut Context<'_>, route: &Route, node: NodeId) {
    match route.callers.get().map(|at| &at.value) {
        Some(Callers::Public) => {
            context.problem(
                node,
                "`forward` on a public route: there is no verified token to forward",
            );
        }
        Some(Callers::Entries(entries, _)) => {
            let without = entries
                .iter()
                .find(|at| !at.value.bearer.is_written() && at.value.complete);
            if let Some(entry) = without {
                let place = context.reader.tree().path(entry.node);
                context
                    .problem(node, "`forward` needs a bearer token from every caller")
                    .hint(format_args!("{place} lets callers in without one"));
            }
        }
        None => {}
    }
}

/// Whoever may come in acts with the gateway's rights.
fn check_callers(context: &mut Context<'_>, route: &Route) {
    let Some(callers) = route.callers.get() else {
        return;
    };
    let Callers::Entries(entries, _) = &callers.value else {
        context
            .problem(
                callers.node,
                "a route that carries the gateway's token cannot be public",
            )
            .hint("anyone could use the token; name who may come in");
        return;
    };
    let has_host = route
        .r#match
        .get()
        .is_some_and(|at| at.value.host.is_written());
    for at in entries {
        let any = at
            .value
            .bearer
            .get()
            .map(|bearer| &bearer.value.any_valid_token);
        if let Some(node) = any.filter(|any| ***any).and_then(Or::node) {
            context
                .problem(
                    node,
                    "a route that carries the gateway's token cannot take any valid token",
                )
                .hint("name azp, roles, all_roles, scp or oid");
        }
        check_network(context, &at.value, has_host);
    }
}

fn check_network(context: &mut Context<'_>, entry: &Entry, has_host: bool) {
    let presented = entry.bearer.is_written() || entry.api_key.is_written() || !entry.complete;
    let Some(network) = entry.network.get().filter(|_| !presented) else {
        return;
    };
    let networks: Vec<_> = network.value.values().copied().collect();
    if mean_everything(&networks) {
        context
            .problem(
                network.node,
                "these networks are everybody, on a route that carries the gateway's token",
            )
            .hint("name the networks that are meant, or ask for `bearer` or `api_key`");
    } else if !has_host {
        // SECURITY: by DNS rebinding a web page reaches any address under a name of its own.
        context
            .problem(
                network.node,
                "a network alone, on a route that carries the gateway's token, needs `match.host`",
            )
            .hint("without it a web page could reach the route under a name of its own");
    }
}

fn check_upstream(context: &mut Context<'_>, known: &Known<'_>, route: &Route, ours: &OurToken) {
    let Some(upstream) = route.upstream.get().map(|at| &at.value) else {
        return;
    };
    if let Some(host) = upstream.host.get() {
        // SECURITY: the caller would choose which site of the upstream gets the token.
        context.problem(
            host.node,
            "a route that carries the gateway's token sends the upstream's own Host",
        );
    }
    let Some(url) = upstream.url.get() else {
        return;
    };
    if url.value.is_exposed() {
        context
            .problem(
                url.node,
                "the gateway's token goes over https, or http to a loopback address",
            )
            .hint(url.value.less_exposed());
    }
    if !*ours.allow_host_mismatch {
        check_host(context, known, url, ours);
    }
}

/// A token for Graph or Exchange goes to Graph or Exchange.
fn check_host(context: &mut Context<'_>, known: &Known<'_>, url: &At<HttpUrl>, ours: &OurToken) {
    let identity = ours
        .identity
        .get()
        .and_then(|at| *known.identities.get(at.value.0.as_str())?);
    let cloud = identity
        .and_then(|identity| identity.entra.get())
        .map_or(Cloud::default(), |at| *at.value.cloud);
    let Some(scope) = ours.scope.get() else {
        return;
    };
    let Some(expected) =
        resource(&scope.value.0).and_then(|resource| microsoft::hosts(resource, cloud))
    else {
        return;
    };
    let host = url.value.0.host_str().unwrap_or_default().to_owned();
    if !expected.contains(&host) {
        let message = format!(
            "the token is for {}, and would be sent to {host}",
            expected.join(" or ")
        );
        context
            .problem(url.node, message)
            .hint("`token.allow_host_mismatch: true` if that host is meant");
    }
}
