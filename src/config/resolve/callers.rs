//! Who may come in: the entries of a route, and what each must say to be meant.

use std::sync::Arc;

use super::context::Context;
use super::issuer::audiences;
use super::whole::Known;
use crate::config::file::{ApiKey, Bearer, Callers as Written, Entry as WrittenEntry, Route};
use crate::guid::Guid;
use crate::located::{At, Filled, NodeId, Text, suggestion};
use crate::policy::{
    ApiKeyCondition, BearerConditions, CONDITION_KEYS, Callers, ClaimValue, Condition, Credential,
    Entry, Networks, PrincipalKind, PrincipalRule, Where,
};
use crate::routing::Template;

/// A route's callers.
pub(super) fn callers(
    context: &mut Context<'_>,
    known: &Known<'_>,
    route: &Route,
    path: Option<&Template>,
) -> Option<Callers> {
    match &route.callers.get()?.value {
        Written::Public => Some(Callers::Public),
        Written::Entries(entries, count) => {
            let beside_others = *count > 1;
            let resolved: Vec<_> = entries
                .iter()
                .filter_map(|at| entry(context, known, at, beside_others, path))
                .collect();
            (resolved.len() == *count).then_some(Callers::Entries(resolved))
        }
    }
}

/// The resolved keys of a route with the places they were written at.
pub(super) fn keys<'a>(
    route: &'a Route,
    callers: &'a Callers,
) -> impl Iterator<Item = (NodeId, &'a ApiKeyCondition)> {
    let entries = match callers {
        Callers::Public => &[][..],
        Callers::Entries(entries) => entries,
    };
    let written = match route.callers.get().map(|at| &at.value) {
        Some(Written::Entries(written, _)) => &written[..],
        Some(Written::Public) | None => &[],
    };
    entries
        .iter()
        .zip(written)
        .filter_map(|(entry, written)| match &entry.credential {
            Some(Credential::ApiKey(key)) => Some((written.value.api_key.get()?.node, key)),
            _ => None,
        })
}

fn entry(
    context: &mut Context<'_>,
    known: &Known<'_>,
    at: &At<WrittenEntry>,
    beside_others: bool,
    path: Option<&Template>,
) -> Option<Entry> {
    let At {
        value: written,
        node,
    } = at;
    let before = context.reader.count();
    let presented = written.bearer.is_written() || written.api_key.is_written();
    if written.bearer.is_written() && written.api_key.is_written() {
        context
            .problem(*node, "an entry takes one kind of credential")
            .hint("make `bearer` and `api_key` two entries: either will do then");
    }
    if !presented && !written.network.is_written() && written.complete {
        context
            .problem(*node, "this entry names nobody")
            .hint("it takes `bearer`, `api_key` or `network`; `callers: public` lets anyone in");
    }
    check_alone(context, written, presented, beside_others);
    let parameters = parameters(context, written, path);
    let credential = match (written.bearer.get(), written.api_key.get()) {
        (Some(at), _) => bearer(context, known, at).map(Credential::Bearer),
        (None, Some(at)) => api_key(context, at).map(Credential::ApiKey),
        (None, None) => None,
    };
    let network = written
        .network
        .get()
        .map(|at| Networks(at.value.values().copied().collect()));
    if presented && credential.is_none() || written.network.is_written() && network.is_none() {
        return None;
    }
    // INVARIANT: an entry with a problem is never made: what is missing from it would admit.
    (context.reader.count() == before && written.complete).then_some(Entry {
        credential,
        network,
        parameters: parameters?,
    })
}

/// Many who write a network beside a token mean *and*; the list means *or*.
fn check_alone(
    context: &mut Context<'_>,
    written: &WrittenEntry,
    presented: bool,
    beside_others: bool,
) {
    let alone = (*written.alone, written.alone.node());
    match (written.network.get(), alone) {
        (Some(network), (_, None)) if !presented && beside_others => {
            context
                .problem(
                    network.node,
                    "this network alone would be let in, beside the other entries",
                )
                .hint("put it into the entry it belongs to, or add `alone: true` if it is meant");
        }
        (Some(network), (false, Some(_))) if !presented && beside_others => {
            context.problem(network.node, "this network is alone, whatever `alone` says");
        }
        (_, (true, Some(node))) if presented => {
            context.problem(node, "`alone` is for entries of nothing but a network");
        }
        _ => {}
    }
}

fn parameters(
    context: &mut Context<'_>,
    written: &WrittenEntry,
    path: Option<&Template>,
) -> Option<Where> {
    let Some(at) = written.r#where.get() else {
        return (!written.r#where.is_written()).then(Where::default);
    };
    if at.value.entries.is_empty() {
        context
            .problem(at.node, "an empty `where` says nothing")
            .hint("leave it out, or name a parameter of the path");
    }
    for (name, _) in &at.value.entries {
        let Some(path) = path.filter(|path| path.parameters().all(|known| known != name.value))
        else {
            continue;
        };
        let names: Vec<_> = path.parameters().collect();
        let hint =
            suggestion(&name.value, names.iter().copied()).unwrap_or_else(|| match names.len() {
                0 => format!("it has none; write one as `{{{}}}`", name.value),
                _ => format!("it has: {}", names.join(", ")),
            });
        let message = format!("the path has no parameter `{{{}}}`", name.value);
        context.reader.key_problem(name.node, message).hint(hint);
    }
    let parameters = at.value.iter().map(|(name, patterns)| {
        (
            Arc::from(name.value.as_str()),
            patterns.values().cloned().collect(),
        )
    });
    Some(Where(parameters.collect()))
}

fn bearer(
    context: &mut Context<'_>,
    known: &Known<'_>,
    at: &At<Bearer>,
) -> Option<BearerConditions> {
    let At {
        value: written,
        node,
    } = at;
    let issuer = written.issuer.get();
    let defined = issuer.map(|name| known.issuers.get(name.value.0.as_str()));
    if let (Some(name), Some(None)) = (issuer, defined)
        && (known.complete || !known.issuers.is_empty())
    {
        context.unknown(
            "issuer",
            &name.value.0,
            name.node,
            known.issuers.keys().copied(),
        );
    }
    let issuers_own = defined
        .flatten()
        .copied()
        .flatten()
        .map(|issuer| &issuer.audiences);
    if !written.audiences.is_written()
        && written.complete
        && let (Some(name), Some(false)) = (issuer, issuers_own.map(|own| own.is_written()))
    {
        let message = format!(
            "`audiences` is missing, here and on issuer `{}`",
            name.value.0
        );
        context
            .problem(*node, message)
            .hint("name the application ID of the API that this route fronts");
    }
    check_conditions(context, written, *node);
    let principal = principal(context, written);
    let accepted = written
        .audiences
        .get()
        .or(issuers_own.and_then(|own| own.get()));
    Some(BearerConditions {
        issuer: Arc::from(issuer?.value.0.as_str()),
        audiences: audiences(&accepted?.value),
        principal,
        claims: conditions(written),
    })
}

fn conditions(written: &Bearer) -> Vec<Condition> {
    let conditions = CONDITION_KEYS.iter().filter_map(|(key, claim, need)| {
        let values = match *key {
            "azp" => guids(written.azp.get()),
            "oid" => guids(written.oid.get()),
            "roles" => texts(written.roles.get()),
            "all_roles" => texts(written.all_roles.get()),
            "scp" => texts(written.scp.get()),
            _ => None,
        };
        Some(Condition {
            claim: claim.clone(),
            need: *need,
            values: values?,
        })
    });
    conditions.collect()
}

/// In Entra any application of the tenant can get a validly signed token for any API, without a role.
fn check_conditions(context: &mut Context<'_>, written: &Bearer, node: NodeId) {
    let conditions = [
        ("azp", written.azp.is_written()),
        ("roles", written.roles.is_written()),
        ("all_roles", written.all_roles.is_written()),
        ("scp", written.scp.is_written()),
        ("oid", written.oid.is_written()),
    ];
    let first = conditions.iter().find(|(_, written)| *written);
    match (*written.any_valid_token, first) {
        (true, Some((condition, _))) => {
            let message = format!("`any_valid_token` contradicts `{condition}`");
            context
                .problem(written.any_valid_token.node().unwrap_or(node), message)
                .hint("leave one of them out");
        }
        (false, None) if written.complete => {
            context
                .problem(
                    node,
                    "any application of the tenant could come in: there is no condition",
                )
                .hint(
                    "name one of azp, roles, all_roles, scp, oid; or say `any_valid_token: true`",
                );
        }
        _ => {}
    }
}

fn principal(context: &mut Context<'_>, written: &Bearer) -> PrincipalRule {
    let app = PrincipalRule::Only(PrincipalKind::App);
    let by_default = if written.scp.is_written() {
        PrincipalRule::Only(PrincipalKind::User)
    } else if *written.any_valid_token {
        PrincipalRule::Any
    } else {
        app
    };
    if let Some(at) = written.principal.get()
        && at.value == app
        && written.scp.is_written()
    {
        context
            .problem(
                at.node,
                "an application's own token never has `scp`: nobody could come in",
            )
            .hint("`principal: user` is the default beside `scp`; applications have `roles`");
    }
    written.principal.get().map_or(by_default, |at| at.value)
}

fn api_key(context: &mut Context<'_>, at: &At<ApiKey>) -> Option<ApiKeyCondition> {
    let At {
        value: written,
        node,
    } = at;
    match (written.key.is_written(), written.sha256.is_written()) {
        (true, true) => {
            context.problem(*node, "a key is given by `key` or by `sha256`, not by both");
        }
        (false, false) if written.complete => {
            context.problem(
                *node,
                "expected `key: { file: … }`, `key: { env: … }` or `sha256`",
            );
        }
        _ => {}
    }
    let sha256 = match (written.key.get(), written.sha256.get()) {
        (Some(at), _) => context.key_hash(at),
        (None, hash) => hash.map(|at| at.value.0),
    };
    Some(ApiKeyCondition {
        id: Arc::from(written.id.get()?.value.0.as_str()),
        sha256: sha256?,
    })
}

fn texts(written: Option<&At<Filled<Text>>>) -> Option<Vec<ClaimValue>> {
    let texts = written?.value.values().map(|Text(text)| text.clone());
    Some(texts.map(ClaimValue::Text).collect())
}

fn guids(written: Option<&At<Filled<Guid>>>) -> Option<Vec<ClaimValue>> {
    let guids = written?.value.values().copied();
    Some(guids.map(ClaimValue::Guid).collect())
}
