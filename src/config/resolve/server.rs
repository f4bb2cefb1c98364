//! The process's own definitions: listeners, log, fetches, shutdown.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use crate::config::ShutdownDefinition;
use crate::config::file::{Admin, Fetch, File, Listener, Log, Shutdown};
use crate::edge::{Limits, ListenerDefinition, Timeouts};
use crate::http_client::FetchDefinition;
use crate::located::{At, May, Named, NodeId, Size};
use crate::telemetry::LogDefinition;

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTES_5: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const KIB: u64 = 1024;

/// All listeners, in file order.
pub(super) fn listeners(
    context: &mut Context<'_, '_, '_>,
    file: &File,
) -> Option<Vec<ListenerDefinition>> {
    let written = file.listeners.get()?;
    if written.value.entries.is_empty() {
        context.problem(written.node, "there is no listener");
    }
    check_addresses(context, &written.value, file.admin.get());
    // All of them are resolved before any is missed, so that every problem is seen.
    let all: Vec<_> = written
        .value
        .iter()
        .map(|(name, listener)| one(context, name, listener))
        .collect();
    all.into_iter().collect()
}

fn one(
    context: &mut Context<'_, '_, '_>,
    name: &At<String>,
    listener: &Listener,
) -> Option<ListenerDefinition> {
    let mut limits = Limits::default();
    if let Some(At { value: written, .. }) = listener.limits.get() {
        limits.uri = bytes(context, &written.uri, limits.uri, 64 * KIB);
        limits.header = bytes(context, &written.header, limits.header, 1024 * KIB);
        limits.body = written.body.or(Size(limits.body)).0;
        if let Some(connections) = written.connections.get() {
            if connections.value == 0 {
                context.problem(connections.node, "a listener that accepts nothing is none");
            }
            limits.connections = usize::try_from(connections.value).unwrap_or(usize::MAX);
        }
    }
    let mut timeouts = Timeouts::default();
    if let Some(At { value: written, .. }) = listener.timeouts.get() {
        timeouts.header = context.within(&written.header, timeouts.header, MILLISECOND..=HOUR);
        timeouts.idle = context.within(&written.idle, timeouts.idle, MILLISECOND..=HOUR);
        timeouts.body = context.within(&written.body, timeouts.body, MILLISECOND..=DAY);
    }
    let trusted = listener.trusted_proxies.get();
    Some(ListenerDefinition {
        name: Arc::from(name.value.as_str()),
        address: listener.address.get()?.value,
        trusted_proxies: trusted
            .map(|at| at.value.iter().map(|network| network.value).collect())
            .unwrap_or_default(),
        limits,
        timeouts,
    })
}

fn bytes(
    context: &mut Context<'_, '_, '_>,
    written: &May<Size>,
    default: usize,
    most: u64,
) -> usize {
    let Some(at) = written.get() else {
        return default;
    };
    if !(256..=most).contains(&at.value.0) {
        context.problem(at.node, format!("expected 256B to {}KiB", most / KIB));
    }
    usize::try_from(at.value.0).unwrap_or(usize::MAX)
}

/// Two sockets cannot have one address; `0.0.0.0` is every IPv4 address and `[::]` every address.
fn check_addresses(
    context: &mut Context<'_, '_, '_>,
    listeners: &Named<Listener>,
    admin: Option<&At<Admin>>,
) {
    let mut by_port: HashMap<u16, Vec<(SocketAddr, String)>> = HashMap::new();
    let of_listeners = listeners.iter().filter_map(|(name, listener)| {
        Some((
            format!("listener `{}`", name.value),
            listener.address.get()?,
        ))
    });
    let of_admin = admin.and_then(|admin| Some(("admin".to_owned(), admin.value.address.get()?)));
    let addresses: Vec<(String, SocketAddr, NodeId)> = of_listeners
        .chain(of_admin)
        .map(|(owner, at)| (owner, at.value, at.node))
        .collect();
    for (owner, address, node) in addresses {
        let taken = by_port.entry(address.port()).or_default();
        let other = taken
            .iter()
            .find(|(other, _)| address.port() != 0 && overlap(*other, address));
        if let Some((other, whose)) = other {
            let message = match *other == address {
                true => format!("{address} is the address of {whose} already"),
                false => {
                    format!("{address} cannot be bound beside {other}, the address of {whose}")
                }
            };
            context.problem(node, message);
        }
        taken.push((address, owner));
    }
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| {
        wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
    };
    one.ip() == other.ip() || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip())
}

/// `fetch:`.
pub(super) fn fetch(
    context: &mut Context<'_, '_, '_>,
    written: Option<&At<Fetch>>,
) -> FetchDefinition {
    let mut fetch = FetchDefinition::default();
    let Some(At { value: written, .. }) = written else {
        return fetch;
    };
    fetch.timeout = context.within(&written.timeout, fetch.timeout, MILLISECOND..=MINUTES_5);
    fetch.ca_pem = written
        .ca_file
        .get()
        .and_then(|at| context.certificates(at))
        .map(|pem| pem.to_vec());
    if let Some(proxy) = written.proxy.get() {
        if !proxy.value.is_bare() {
            context.problem(proxy.node, "a proxy is scheme, host and port");
        }
        fetch.proxy = Some(proxy.value.0.clone());
    }
    fetch
}

/// `log:`.
pub(super) fn log(written: Option<&At<Log>>) -> LogDefinition {
    let default = LogDefinition::default();
    let Some(At { value: written, .. }) = written else {
        return default;
    };
    LogDefinition {
        level: written
            .level
            .get()
            .map_or(default.level, |at| at.value.0.to_owned()),
        format: written.format.or(default.format),
        access: written.access.or(default.access),
    }
}

/// `shutdown:`.
pub(super) fn shutdown(
    context: &mut Context<'_, '_, '_>,
    written: Option<&At<Shutdown>>,
) -> ShutdownDefinition {
    let default = ShutdownDefinition::default();
    let Some(At { value: written, .. }) = written else {
        return default;
    };
    ShutdownDefinition {
        delay: context.within(&written.delay, default.delay, Duration::ZERO..=HOUR),
        grace: context.within(&written.grace, default.grace, Duration::ZERO..=HOUR),
    }
}

/// `threads:`; the cores where it is left out.
pub(super) fn threads(context: &mut Context<'_, '_, '_>, written: &May<u32>) -> usize {
    let Some(at) = written.get() else {
        return std::thread::available_parallelism().map_or(1, usize::from);
    };
    if !(1..=1024).contains(&at.value) {
        context
            .problem(at.node, "expected 1 to 1024 threads")
            .hint("leave `threads` out for one a core");
    }
    usize::try_from(at.value).unwrap_or(1)
}
