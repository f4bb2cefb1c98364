//! The process's own definitions: its listeners and its fetches.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::context::Context;
use crate::config::file::{Admin, Fetch, File, Listener};
use crate::edge::ListenerDefinition;
use crate::http_client::FetchDefinition;
use crate::located::{At, Named, NodeId};

/// All listeners, in file order.
pub(super) fn listeners(context: &mut Context<'_>, file: &File) -> Option<Vec<ListenerDefinition>> {
    let written = file.listeners.get()?;
    if written.value.entries.is_empty() {
        context.problem(written.node, "there is no listener");
    }
    check_addresses(context, &written.value, file.admin.get());
    written.value.each(|name, listener| {
        let connections = &listener.limits.connections;
        if let (0, Some(node)) = (**connections, connections.node()) {
            context.problem(node, "a listener that accepts nothing is none");
        }
        Some(ListenerDefinition {
            name: Arc::from(name.value.as_str()),
            address: listener.address.get()?.value,
            trusted_proxies: listener.trusted_proxies.iter().map(|at| at.value).collect(),
            limits: listener.limits.fill(),
            timeouts: listener.timeouts.fill(),
        })
    })
}

/// Two sockets cannot have one address; `0.0.0.0` is every IPv4 address and `[::]` every address.
fn check_addresses(
    context: &mut Context<'_>,
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
pub(super) fn fetch(context: &mut Context<'_>, written: &Fetch) -> FetchDefinition {
    let pem = written
        .ca_file
        .get()
        .and_then(|at| context.certificates(at));
    if let Some(proxy) = written.proxy.get().filter(|at| !at.value.is_bare()) {
        context.problem(proxy.node, "a proxy is scheme, host and port");
    }
    FetchDefinition {
        timeout: *written.timeout,
        ca_pem: pem.map(|pem| pem.to_vec()),
        proxy: written.proxy.get().map(|at| at.value.0.clone()),
    }
}
