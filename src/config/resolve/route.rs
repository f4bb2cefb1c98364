//! A route: its name, what it matches, and its parts put together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::{HeaderName, Method};

use super::context::{Context, rules};
use super::names::Known;
use super::{address, callers, cors, limit, microsoft, token, upstream};
use crate::config::file::{CallerHeaders, Callers as WrittenCallers, Entry, Match, Route};
use crate::config::value::{KeptHeader, Verb};
use crate::located::{At, Filled, NodeId};
use crate::policy::{ApiKeyCondition, Callers, QueryRules};
use crate::request::AllowedForms;
use crate::request::header_names::{are_one, spelling};
use crate::routing::{CallerClaim, RouteDefinition};

/// What earlier routes have said.
#[derive(Default)]
pub(super) struct Seen {
    ids: HashMap<String, NodeId>,
    keys: HashMap<Arc<str>, ([u8; 32], String)>,
}

pub(super) fn route(
    context: &mut Context<'_>,
    known: &Known<'_>,
    seen: &mut Seen,
    written: &Route,
) -> Option<RouteDefinition> {
    check_id(context, seen, written);
    let listener = known.listeners.find(context, written.listener.get());
    let matched = written.r#match.value();
    let path = matched.and_then(|matched| matched.path.value());
    let callers = written.callers.value();
    let callers = callers.and_then(|written| {
        let callers = callers::callers(context, known, written, path)?;
        Some((written, callers))
    });
    address::check_networks(context, written, listener);
    if let Some((written_callers, callers)) = &callers {
        let id = written.id.value().map_or("", |id| &id.0);
        let whose = format!("route `{id}`");
        let keys = written_callers.entries().iter().map(|entry| &entry.api_key);
        check_keys(context, seen, &whose, callers::keys(keys, callers));
    }
    let callers = callers.map(|(_, callers)| callers);
    let limits = limit::of_route(context, written, listener, callers.as_ref());
    let upstream = upstream::upstream(context, written, path);
    let token = token::token(context, known, written, callers.as_ref());
    let caller_headers = caller_headers(context, written.caller_headers.value());
    let keep_headers = keep_headers(context, &written.keep_headers, &caller_headers);
    let methods = matched.and_then(|matched| matched.methods.optional(methods));
    let cors = written.cors.optional(|at| {
        let taken = methods.as_ref()?.as_deref();
        cors::cors(context, written, at, taken)
    });
    Some(RouteDefinition {
        id: written.id.value()?.into(),
        listener: written.listener.value()?.into(),
        host: matched?.host.value().cloned(),
        path: path?.clone(),
        methods: methods?,
        ignore_case: *matched?.ignore_case || is_graph(written),
        path_forms: path_forms(context, matched?, callers.as_ref()),
        callers: Arc::new(callers?),
        upstream: upstream?,
        token: token?,
        caller_headers,
        keep_headers,
        limits,
        cors: cors?,
        end_with_token: end_with_token(context, written),
        request_timeout: written.timeouts.request.value().copied(),
        allow_batch: *written.allow_batch,
        method_override: *written.method_override,
        query: QueryRules {
            allow: written
                .query
                .allow
                .iter()
                .map(|at| at.value.clone())
                .collect(),
        },
    })
}

/// SECURITY: `where` compares whole segments; a parameter behind one would be no part of what was
/// compared, and of what an upstream reads that knows none.
fn path_forms(
    context: &mut Context<'_>,
    matched: &Match,
    callers: Option<&Callers>,
) -> AllowedForms {
    let names = &matched.path_parameters;
    let limited = callers.is_some_and(Callers::limit_parameters);
    rules! { context,
        limited && !names.is_empty() => names.node(),
            "`path_parameters` beside `where`, which compares whole segments",
            "make two routes of it, or leave one of them out";
    }
    AllowedForms {
        encoded_slashes: *matched.encoded_slashes,
        empty_segments: *matched.empty_segments,
        parameters: names.iter().map(|at| at.0.clone()).collect(),
    }
}

/// Microsoft Graph ignores the case of paths, in every cloud.
fn is_graph(written: &Route) -> bool {
    let upstream = written.upstream.value();
    let urls = upstream.into_iter().flat_map(upstream::urls);
    let mut hosts = urls.filter_map(|url| url.0.host_str());
    hosts.any(microsoft::is_graph)
}

fn check_id(context: &mut Context<'_>, seen: &mut Seen, written: &Route) {
    let Some(id) = written.id.get() else {
        return;
    };
    let first = *seen.ids.entry(id.0.clone()).or_insert(id.node);
    let line = context.reader.tree().at(first).line;
    rules! { context,
        first != id.node => id.node, format!("another route has the id `{}`, on line {line}", id.0);
    }
}

/// A key's id is what the log and the upstream are told: it must mean one key in the whole file.
pub(super) fn check_keys<'k>(
    context: &mut Context<'_>,
    seen: &mut Seen,
    whose: &str,
    keys: impl Iterator<Item = (NodeId, &'k ApiKeyCondition)>,
) {
    let mut among_these: HashMap<[u8; 32], usize> = HashMap::new();
    for (index, (node, key)) in keys.enumerate() {
        let first = among_these.insert(key.sha256, index);
        let known = || (key.sha256, whose.to_owned());
        let (sha256, other) = seen.keys.entry(key.id.clone()).or_insert_with(known);
        rules! { context,
            true => first.map(|_| node),
                format!("this key is that of the {} key here already", ordinal(first)),
                "one key names one caller; make them one entry";
            *sha256 != key.sha256 => node,
                format!("the key id `{}` is that of another key on {other}", key.id),
                "give each key an id of its own";
        }
    }
}

fn ordinal(index: Option<usize>) -> String {
    match index.unwrap_or(0) {
        0 => "first".to_owned(),
        1 => "second".to_owned(),
        2 => "third".to_owned(),
        other => format!("{}th", other + 1),
    }
}

/// Whether what lasts ends with the caller's token; somebody must bring one.
fn end_with_token(context: &mut Context<'_>, written: &Route) -> bool {
    let tokens = match written.callers.value() {
        Some(WrittenCallers::Entries(entries, _)) => {
            let brings = |entry: &At<Entry>| entry.bearer.is_written() || !entry.complete;
            entries.iter().any(brings)
        }
        Some(WrittenCallers::Public) => false,
        None => true,
    };
    rules! { context,
        *written.end_with_token && !tokens => written.end_with_token.node(),
            "no caller of this route brings a token that could end", "it needs a `bearer` entry";
    }
    *written.end_with_token
}

/// None where not one of them could be read: a route without methods would be told to leave them out.
fn methods(written: &At<Filled<Verb>>) -> Option<Vec<Method>> {
    let mut methods = Vec::new();
    for verb in written.values() {
        let method = Method::from_bytes(verb.0.as_bytes()).ok();
        methods.extend(method.filter(|method| !methods.contains(method)));
    }
    (!methods.is_empty()).then_some(methods)
}

fn caller_headers(
    context: &mut Context<'_>,
    written: Option<&CallerHeaders>,
) -> Vec<(HeaderName, CallerClaim)> {
    let mut spellings = HashSet::new();
    let mut headers = Vec::new();
    for (header, claim) in written.into_iter().flat_map(|headers| &headers.0) {
        let name = &header.value.0;
        if spellings.insert(spelling(name)) {
            headers.push((name.clone(), *claim));
        } else {
            let message = "this header is named above, in another spelling";
            context.reader.key_problem(header.node, message);
        }
    }
    headers
}

fn keep_headers(
    context: &mut Context<'_>,
    written: &[At<KeptHeader>],
    told: &[(HeaderName, CallerClaim)],
) -> Vec<HeaderName> {
    let keep = |at: &At<KeptHeader>| {
        let name = &at.value.0;
        rules! { context,
            told.iter().any(|(told, _)| are_one(told.as_str(), name.as_str())) => at.node,
                "`caller_headers` sets this header; callers may not";
        }
        name.clone()
    };
    written.iter().map(keep).collect()
}
