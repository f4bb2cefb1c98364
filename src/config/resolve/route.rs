//! A route: its name, what it matches, and its parts put together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::{HeaderName, Method};

use super::context::Context;
use super::whole::Known;
use super::{callers, token, upstream};
use crate::config::file::{CallerHeaders, Route};
use crate::config::value::{KeptHeader, Verb};
use crate::located::{At, Filled, Name, NodeId};
use crate::request::header_names::{are_one, spelling};
use crate::routing::{CallerClaim, RouteDefinition};

/// What earlier routes have said.
#[derive(Default)]
pub(super) struct Seen {
    ids: HashMap<String, NodeId>,
    keys: HashMap<String, ([u8; 32], String)>,
}

/// One route.
pub(super) fn route(
    context: &mut Context<'_>,
    known: &Known<'_>,
    seen: &mut Seen,
    At { value: written, .. }: &At<Route>,
) -> Option<RouteDefinition> {
    check_id(context, seen, written);
    let listener = written.listener.get();
    if let Some(name) = listener.filter(|name| !known.listeners.contains(name.value.0.as_str())) {
        context.unknown(
            "listener",
            &name.value.0,
            name.node,
            known.listeners.iter().copied(),
        );
    }
    let matched = written.r#match.get().map(|at| &at.value);
    let path = matched.and_then(|matched| matched.path.get());
    let callers = callers::callers(context, known, written, path.map(|at| &at.value));
    if let Some(callers) = &callers {
        check_keys(context, seen, written, callers);
    }
    let upstream = upstream::upstream(context, written, path.map(|at| &at.value));
    let token = token::token(context, known, written);
    let caller_headers = caller_headers(context, written.caller_headers.get());
    let keep_headers = keep_headers(context, &written.keep_headers, &caller_headers);
    Some(RouteDefinition {
        id: Arc::from(written.id.get()?.value.0.as_str()),
        listener: Arc::from(listener?.value.0.as_str()),
        host: matched?.host.get().map(|at| at.value.clone()),
        path: path?.value.clone(),
        methods: matched?.methods.get().map(|at| methods(&at.value)),
        callers: Arc::new(callers?),
        upstream: upstream?,
        token: token?,
        caller_headers,
        keep_headers,
        allow_batch: *written.allow_batch,
    })
}

fn check_id(context: &mut Context<'_>, seen: &mut Seen, written: &Route) {
    let Some(At {
        value: Name(id),
        node,
    }) = written.id.get()
    else {
        return;
    };
    if let Some(&first) = seen.ids.get(id) {
        let line = context.reader.tree().at(first).line;
        let message = format!("another route has the id `{id}`, on line {line}");
        context.problem(*node, message);
    } else {
        seen.ids.insert(id.clone(), *node);
    }
}

/// A key's id is what the log and the upstream are told: it must mean one key in the whole file.
fn check_keys(
    context: &mut Context<'_>,
    seen: &mut Seen,
    written: &Route,
    callers: &crate::policy::Callers,
) {
    let mut on_this_route: HashMap<[u8; 32], usize> = HashMap::new();
    let route = written.id.get().map_or("", |at| &at.value.0);
    for (index, (node, key)) in callers::keys(written, callers).enumerate() {
        if let Some(first) = on_this_route.insert(key.sha256, index) {
            let first = ordinal(first);
            context
                .problem(
                    node,
                    format!("this key is that of the route's {first} key already"),
                )
                .hint("one key names one caller; make them one entry");
        }
        let known = || (key.sha256, route.to_owned());
        let (sha256, other) = seen.keys.entry(key.id.to_string()).or_insert_with(known);
        if *sha256 != key.sha256 {
            let message = format!(
                "the key id `{}` is that of another key on route `{other}`",
                key.id
            );
            context
                .problem(node, message)
                .hint("give each key an id of its own");
        }
    }
}

fn ordinal(index: usize) -> String {
    match index {
        0 => "first".to_owned(),
        1 => "second".to_owned(),
        2 => "third".to_owned(),
        other => format!("{}th", other + 1),
    }
}

fn methods(written: &Filled<Verb>) -> Vec<Method> {
    let mut methods = Vec::new();
    for verb in written.values() {
        let method = Method::from_bytes(verb.0.as_bytes()).ok();
        methods.extend(method.filter(|method| !methods.contains(method)));
    }
    methods
}

fn caller_headers(
    context: &mut Context<'_>,
    written: Option<&At<CallerHeaders>>,
) -> Vec<(HeaderName, CallerClaim)> {
    let mut spellings = HashSet::new();
    let mut headers = Vec::new();
    for (
        At {
            value: header,
            node,
        },
        claim,
    ) in written.into_iter().flat_map(|at| &at.value.0)
    {
        if spellings.insert(spelling(&header.0)) {
            headers.push((header.0.clone(), *claim));
        } else {
            let message = "this header is named above, in another spelling";
            context.reader.key_problem(*node, message);
        }
    }
    headers
}

fn keep_headers(
    context: &mut Context<'_>,
    written: &[At<KeptHeader>],
    told: &[(HeaderName, CallerClaim)],
) -> Vec<HeaderName> {
    for At {
        value: KeptHeader(name),
        node,
    } in written
    {
        if told
            .iter()
            .any(|(header, _)| are_one(header.as_str(), name.as_str()))
        {
            let message = "`caller_headers` sets this header; callers may not";
            context.problem(*node, message);
        }
    }
    written.iter().map(|kept| kept.value.0.clone()).collect()
}
