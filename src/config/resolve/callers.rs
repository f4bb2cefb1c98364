//! Who may come in: the entries of a route, and what each must say to be meant.

use std::sync::Arc;

use ipnet::IpNet;

use super::bearer::bearer;
use super::context::{Context, rules};
use super::limit::limit;
use super::names::Known;
use crate::config::file::{ApiKey, Bearer, Callers as Written, Entry as WrittenEntry, Observer};
use crate::located::{At, Filled, May, NodeId, Or, suggestion};
use crate::policy::{ApiKeyCondition, Callers, Credential, Entry, Networks, Where};
use crate::routing::Template;

pub(super) fn callers(
    context: &mut Context<'_>,
    known: &Known<'_>,
    written: &Written,
    path: Option<&Template>,
) -> Option<Callers> {
    let Written::Entries(entries, count) = written else {
        return Some(Callers::Public);
    };
    let resolved: Vec<_> = entries
        .iter()
        .filter_map(|at| entry(context, known, at, *count > 1, path))
        .collect();
    (resolved.len() == *count).then_some(Callers::Entries(resolved.into()))
}

/// Who may see the status page.
pub(super) fn observers(
    context: &mut Context<'_>,
    known: &Known<'_>,
    written: &[At<Observer>],
) -> Option<Callers> {
    let several = written.len() > 1;
    let resolved = written.iter().filter_map(|at| {
        let before = context.reader.count();
        let (credential, network) = who(context, known, &Who::of_observer(at), several)?;
        // INVARIANT: as below.
        (context.reader.count() == before && at.complete).then(|| Entry {
            credential,
            network: network.map(Networks::of),
            parameters: Where::default(),
            limit: None,
        })
    });
    let resolved: Vec<_> = resolved.collect();
    let all = !resolved.is_empty() && resolved.len() == written.len();
    all.then(|| Callers::Entries(resolved.into()))
}

/// The resolved keys of callers with the places they were written at.
pub(super) fn keys<'a>(
    written: impl Iterator<Item = &'a May<ApiKey>>,
    callers: &'a Callers,
) -> impl Iterator<Item = (NodeId, &'a ApiKeyCondition)> {
    let both = callers.entries().iter().zip(written);
    both.filter_map(|(entry, written)| match &entry.credential {
        Some(Credential::ApiKey(key)) => Some((written.get()?.node, key)),
        _ => None,
    })
}

/// What of an entry says who it is about.
struct Who<'w> {
    bearer: &'w May<Bearer>,
    api_key: &'w May<ApiKey>,
    network: &'w May<Filled<IpNet>>,
    alone: &'w Or<bool>,
    node: NodeId,
    complete: bool,
}

impl<'w> Who<'w> {
    fn of_entry(at: &'w At<WrittenEntry>) -> Self {
        Self {
            bearer: &at.bearer,
            api_key: &at.api_key,
            network: &at.network,
            alone: &at.alone,
            node: at.node,
            complete: at.complete,
        }
    }

    fn of_observer(at: &'w At<Observer>) -> Self {
        Self {
            bearer: &at.bearer,
            api_key: &at.api_key,
            network: &at.network,
            alone: &at.alone,
            node: at.node,
            complete: at.complete,
        }
    }
}

fn entry(
    context: &mut Context<'_>,
    known: &Known<'_>,
    written: &At<WrittenEntry>,
    beside_others: bool,
    path: Option<&Template>,
) -> Option<Entry> {
    let before = context.reader.count();
    let network = &written.network;
    let named = who(context, known, &Who::of_entry(written), beside_others);
    rules! { context,
        !network.is_written() && written.proxies.node().is_some() => written.proxies.node(),
            "`proxies` is about the entry's `network`, and it has none";
    }
    let parameters = parameters(context, written, path);
    let limit = written.limits.optional(|at| limit(context, at));
    let (credential, network) = named?;
    let networks = |networks| Networks::of(networks).and_proxies(*written.proxies);
    // INVARIANT: an entry with a problem is never made: what is missing from it would admit.
    (context.reader.count() == before && written.complete).then_some(Entry {
        credential,
        network: network.map(networks),
        parameters: parameters?,
        limit: limit?,
    })
}

/// By what, and from where.
fn who(
    context: &mut Context<'_>,
    known: &Known<'_>,
    written: &Who<'_>,
    beside_others: bool,
) -> Option<(Option<Credential>, Option<Vec<IpNet>>)> {
    let Who {
        bearer,
        api_key,
        network,
        alone,
        ..
    } = written;
    let presented = bearer.is_written() || api_key.is_written();
    let network_beside = !presented && beside_others;
    rules! { context,
        bearer.is_written() && api_key.is_written() => written.node,
            "an entry takes one kind of credential",
            "make `bearer` and `api_key` two entries: either will do then";
        !presented && !network.is_written() && written.complete => written.node,
            "this entry names nobody",
            "it takes `bearer`, `api_key` or `network`";
        // Many who write a network beside a token mean *and*; the list means *or*.
        network_beside && alone.node().is_none() => network.node(),
            "this network alone would be let in, beside the other entries",
            "put it into the entry it belongs to";
        network_beside && alone.node().is_some() && !***alone => network.node(),
            "this network is alone, whatever `alone` says";
        presented && ***alone => alone.node(),
            "`alone` is for entries of nothing but a network";
    }
    let credential = match (bearer.get(), api_key.get()) {
        (Some(at), _) => self::bearer(context, known, at).map(Credential::Bearer),
        (None, Some(at)) => self::api_key(context, at).map(Credential::ApiKey),
        (None, None) => None,
    };
    let networks = |networks: &Filled<_>| networks.values().copied().collect();
    let network_read = network.value().map(networks);
    let missing =
        presented && credential.is_none() || network.is_written() && network_read.is_none();
    (!missing).then_some((credential, network_read))
}

fn parameters(
    context: &mut Context<'_>,
    written: &WrittenEntry,
    path: Option<&Template>,
) -> Option<Where> {
    let Some(at) = written.r#where.get() else {
        return (!written.r#where.is_written()).then(Where::default);
    };
    rules! { context,
        at.entries.is_empty() => at.node, "an empty `where` says nothing",
            "name a parameter of the path";
    }
    for (name, _) in &at.entries {
        let Some(path) = path.filter(|path| path.parameters().all(|known| known != name.value))
        else {
            continue;
        };
        let names: Vec<_> = path.parameters().collect();
        let listed = || match names.len() {
            0 => format!("it has none; write one as `{{{}}}`", name.value),
            _ => format!("it has: {}", names.join(", ")),
        };
        let hint = suggestion(name, names.iter().copied()).unwrap_or_else(listed);
        let message = format!("the path has no parameter `{{{}}}`", name.value);
        context.reader.key_problem(name.node, message).hint(hint);
    }
    let parameters = at.iter().map(|(name, patterns)| {
        (
            Arc::from(name.as_str()),
            patterns.values().cloned().collect(),
        )
    });
    Some(Where(parameters.collect()))
}

fn api_key(context: &mut Context<'_>, written: &At<ApiKey>) -> Option<ApiKeyCondition> {
    let (key, sha256) = (written.key.is_written(), written.sha256.is_written());
    rules! { context,
        key && sha256 => written.node, "a key is given by `key` or by `sha256`, not by both";
        !key && !sha256 && written.complete => written.node,
            "expected `key: { file: … }`, `key: { env: … }` or `sha256`";
    }
    let sha256 = match (written.key.get(), written.sha256.get()) {
        (Some(at), _) => context.key_hash(at),
        (None, hash) => hash.map(|at| at.0),
    };
    Some(ApiKeyCondition {
        id: written.id.value()?.into(),
        sha256: sha256?,
    })
}
