//! What will the gateway do? The routes of a valid configuration as a table that reads like the
//! sentence: who **or** who may come in, where it goes, and whose token it carries.

use std::fmt::Display;
use std::iter::once;

use comfy_table::{ContentArrangement, Table, presets};
use http::Method;
use ipnet::IpNet;

use super::{check_admin, check_identities, check_limits, check_tls, check_told, check_upstream};
use crate::config::Config;
use crate::edge::{Address, Protocols};
use crate::outbound::TokenDefinition;
use crate::policy::{
    Audience, BearerConditions, Callers, Credential, Entry, Need, PrincipalKind, PrincipalRule,
};
use crate::request::AllowedForms;
use crate::routing::{CallerClaim, Cors, HostPattern, RouteDefinition, Table as RouteTable};

/// A list that is longer goes on lines of its own; with the left column, 80 are filled.
const LINE: usize = 58;

/// The most routes that are named on one line of the plan.
const MOST_NAMED: usize = 12;

/// A block of the plan: labels, each with its lines.
type Block<'a> = Vec<(&'a str, Vec<String>)>;

/// The plan as a table, or, where that is wider than what it is shown on, as lists. Without colours.
/// Nothing is wrapped, for a broken URL or id cannot be copied.
pub(crate) fn plan(config: &Config, width: Option<usize>) -> String {
    let yielding = RouteTable::yielding(&config.routes);
    let routes = config
        .routes
        .iter()
        .zip(&yielding)
        .map(|(route, narrower)| {
            let narrower = narrower.iter().map(|place| &config.routes[*place]);
            vec![
                (&*route.id, vec![matched(route)]),
                ("who may come in", who(&route.callers)),
                ("where it goes", check_upstream::destination(route)),
                (
                    "whose token",
                    token(&route.token).lines().map(str::to_owned).collect(),
                ),
                ("what it is told", told(route)),
                ("how much", check_limits::of_route(route)),
                ("web pages", route.cors.iter().map(Cors::told).collect()),
                ("yields to", yields(route, narrower)),
            ]
        });
    let blocks: Vec<Block<'_>> = once(doors(config)).chain(routes).collect();
    let table = table(&blocks);
    let fits = |line: &str| width.is_none_or(|width| line.chars().count() <= width);
    match table.lines().all(fits) {
        true => table,
        false => lists(&blocks),
    }
}

fn table(blocks: &[Block<'_>]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL)
        .set_content_arrangement(ContentArrangement::Disabled);
    for block in blocks {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (label, lines) in block.iter().filter(|(_, lines)| !lines.is_empty()) {
            left.push(*label);
            left.extend(lines.iter().skip(1).map(|_| ""));
            right.extend(lines.iter().map(String::as_str));
        }
        table.add_row([left.join("\n"), right.join("\n")]);
    }
    table.to_string()
}

/// Each label on a line of its own: what stands below it has the whole width.
fn lists(blocks: &[Block<'_>]) -> String {
    let block = |block: &Block<'_>| {
        let parts = block.iter().filter(|(_, lines)| !lines.is_empty());
        let parts = parts.map(|(label, lines)| format!("{label}\n  {}", lines.join("\n  ")));
        parts.collect::<Vec<_>>().join("\n")
    };
    blocks.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// Where connections are accepted, and whose word is taken for where they come from.
fn doors(config: &Config) -> Block<'_> {
    let listeners = config.listeners.iter().flat_map(|listener| {
        let proxies = &listener.trusted_proxies;
        let trusted = match proxies[..] {
            [] => "trusts no proxy".to_owned(),
            _ if listener.proxy_protocol => listed(
                "trusts, by the PROXY protocol,",
                proxies.iter().map(proxy),
                "and",
            ),
            _ => listed("trusts", proxies.iter().map(proxy), "and"),
        };
        let trusted = trusted
            .lines()
            .map(|line| format!("  {line}"))
            .chain(check_limits::at_the_door(config, listener))
            .collect::<Vec<_>>();
        let mode = match &listener.address {
            Address::Unix(unix) => format!(", mode {:04o}", unix.mode),
            Address::Tcp(_) => String::new(),
        };
        let first = format!("{} {}{mode}", listener.name, listener.address);
        let tls = listener.tls.as_ref().map(check_tls::spoken);
        let usual = match tls {
            Some(_) => Protocols::TLS,
            None => Protocols::PLAIN,
        };
        let spoken =
            (listener.protocols != usual).then(|| format!("  speaks {}", listener.protocols));
        let tls = tls.into_iter().flatten();
        once(first).chain(spoken).chain(tls).chain(trusted)
    });
    let admin = check_admin::admin(config.admin.as_ref());
    let mut doors = vec![
        ("listeners", listeners.collect()),
        ("admin", admin),
        ("identities", check_identities::identities(config)),
    ];
    doors.extend(check_told::told(config));
    doors
}

fn proxy(network: &IpNet) -> String {
    match *network == Address::local_peers() {
        true => "whoever connects to the socket".to_owned(),
        false => network.to_string(),
    }
}

fn told(route: &RouteDefinition) -> Vec<String> {
    let words = |claim: &CallerClaim| {
        let known = CallerClaim::ALL.iter().find(|(_, known)| known == claim);
        known.map_or("", |(word, _)| word)
    };
    let headers = route.caller_headers.iter();
    let headers = headers.map(|(name, claim)| format!("{name}: {}", words(claim)));
    headers.collect()
}

fn matched(route: &RouteDefinition) -> String {
    let methods = match &route.methods {
        Some(methods) => {
            let names: Vec<_> = methods.iter().map(Method::as_str).collect();
            names.join(", ")
        }
        None => "any method".to_owned(),
    };
    let host = match &route.host {
        Some(HostPattern::Exact(name)) => format!(" at {name}"),
        Some(HostPattern::Suffix(suffix)) => format!(" at *{suffix}"),
        None => String::new(),
    };
    let path = route.path.as_str();
    let forms = forms(&route.path_forms);
    format!("{methods} {path}{host}{forms} on {}", route.listener)
}

/// What of a path passes that other routes refuse.
fn forms(allowed: &AllowedForms) -> String {
    let own = [
        (allowed.encoded_slashes, "%2F"),
        (allowed.empty_segments, "//"),
    ];
    let own = own.into_iter().filter(|(is, _)| *is);
    let own = own.map(|(_, word)| word.to_owned());
    let named = allowed.parameters.iter().map(|name| format!(";{name}"));
    match own.chain(named).collect::<Vec<_>>() {
        words if words.is_empty() => String::new(),
        words => format!(", with {} in it,", words.join(" and ")),
    }
}

/// One condition a line, and a line `or` between entries.
pub(super) fn who(callers: &Callers) -> Vec<String> {
    match callers {
        Callers::Public => vec!["anyone".to_owned()],
        Callers::Entries(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| conditions(entry).join("\n"))
                .collect();
            entries.join("\nor\n").lines().map(str::to_owned).collect()
        }
    }
}

/// An entry's conditions, all of which must hold: one a line.
fn conditions(entry: &Entry) -> Vec<String> {
    let mut lines = match &entry.credential {
        Some(Credential::Bearer(bearer)) => bearer_lines(bearer),
        Some(Credential::ApiKey(key)) => vec![format!("the key {}", key.id)],
        None => vec!["anyone".to_owned()],
    };
    if let Some(networks) = &entry.network {
        lines.push(listed("from", networks.iter(), "or"));
    }
    for (name, patterns) in &entry.parameters.0 {
        let patterns = patterns.iter().map(|pattern| &pattern.0);
        lines.push(listed(name, patterns, "or"));
    }
    if let Some(limit) = entry.limit {
        lines.push(format!("each {limit}"));
    }
    lines
}

fn bearer_lines(bearer: &BearerConditions) -> Vec<String> {
    let kind = match bearer.principal {
        PrincipalRule::Only(PrincipalKind::App) => "an app",
        PrincipalRule::Only(PrincipalKind::User) => "a user",
        PrincipalRule::Any => "any app or user",
    };
    let audiences = bearer.audiences.iter().map(|audience| match audience {
        Audience::Application(guid) => guid.to_string(),
        Audience::Literal(text) => text.clone(),
    });
    let claims = bearer.claims.iter().map(|condition| {
        let between = match condition.need {
            Need::Any | Need::Is => "or",
            Need::All => "and",
        };
        listed(&condition.claim.title, &condition.values, between)
    });
    once(format!("{kind} of {}", bearer.issuer))
        .chain(once(listed("for", audiences, "or")))
        .chain(claims)
        .collect()
}

/// A condition and its values: on one line where they fit, else each on its own.
fn listed<T: Display>(word: &str, values: impl IntoIterator<Item = T>, between: &str) -> String {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    let line = format!("{word} {}", values.join(&format!(" {between} ")));
    if line.chars().count() <= LINE {
        return line;
    }
    let indented = format!("\n{between:>width$} ", width = word.len());
    format!("{word} {}", values.join(&indented))
}

fn token(token: &TokenDefinition) -> String {
    match token {
        TokenDefinition::Nothing => "nobody's".to_owned(),
        TokenDefinition::Forward => "the caller's".to_owned(),
        TokenDefinition::App { identity, scope } if scope.is_empty() => format!("{identity}'s"),
        TokenDefinition::App { identity, scope } => format!("{identity}'s, for {}", whole(scope)),
        TokenDefinition::OnBehalfOf {
            identity,
            scope,
            app_scope,
        } => {
            let apps = match app_scope {
                Some(scope) => format!("\n{identity}'s own for an app, for {}", whole(scope)),
                None => "\nno app's".to_owned(),
            };
            format!(
                "{identity}'s on behalf of the user, for {}{apps}",
                whole(scope)
            )
        }
    }
}

fn whole(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}

/// The routes whose paths are refused here in another spelling, for their callers are others.
fn yields<'a>(
    route: &RouteDefinition,
    narrower: impl Iterator<Item = &'a RouteDefinition>,
) -> Vec<String> {
    let others = narrower
        .filter(|narrower| narrower.callers != route.callers || narrower.limits != route.limits);
    let mut ids: Vec<_> = others.map(|narrower| narrower.id.to_string()).collect();
    let more = ids.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        ids.truncate(MOST_NAMED);
        ids.push(format!("{more} more"));
    }
    let lines = match ids[..] {
        [] => String::new(),
        _ => listed("", ids, "and"),
    };
    lines
        .lines()
        .map(|line| line.trim_start().to_owned())
        .collect()
}

pub(super) fn count(number: usize, noun: &str) -> String {
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, "identity") => format!("{number} identities"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
#[path = "check_plan_tests.rs"]
mod tests;
