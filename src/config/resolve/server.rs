//! The process's own definitions: its listeners and its fetches.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::context::{Context, rules};
use crate::config::file::{Admin, Fetch, File, Listener};
use crate::edge::{Limits, ListenerDefinition};
use crate::http_client::FetchDefinition;
use crate::located::{At, Named};

/// All listeners, in file order.
pub(super) fn listeners(context: &mut Context<'_>, file: &File) -> Option<Vec<ListenerDefinition>> {
    let written = file.listeners.get()?;
    rules! { context,
        written.entries.is_empty() => written.node, "there is no listener";
    }
    check_addresses(context, written, file.admin.value());
    written.each(|name, listener| {
        let limits = &listener.limits;
        let (connections, per_address) = (&limits.connections, &limits.connections_per_address);
        rules! { context,
            **connections == 0 => connections.node(), "a listener that accepts nothing is none";
            per_address.value() == Some(&0) => per_address.node(), "a listener that accepts nothing is none";
        }
        Some(ListenerDefinition {
            name: Arc::from(name.as_str()),
            address: *listener.address.value()?,
            trusted_proxies: listener.trusted_proxies.iter().map(|at| **at).collect(),
            limits: Limits {
                uri: (*limits.uri).into(),
                header: (*limits.header).into(),
                body: (*limits.body).into(),
                body_rate: (*limits.body_rate).into(),
                connections: **connections,
                per_address: match per_address.value() {
                    Some(most) => *most,
                    None => connections.div_ceil(2),
                },
                unfinished: (*limits.unfinished_headers).into(),
            },
            timeouts: listener.timeouts.fill(),
        })
    })
}

/// Two sockets cannot have one address; `0.0.0.0` is every IPv4 address and `[::]` every address.
fn check_addresses(context: &mut Context<'_>, listeners: &Named<Listener>, admin: Option<&Admin>) {
    let mut by_port: HashMap<u16, Vec<(SocketAddr, String)>> = HashMap::new();
    let listeners = listeners
        .iter()
        .map(|(name, listener)| (format!("listener `{}`", name.value), &listener.address));
    let admin = admin.map(|admin| ("admin".to_owned(), &admin.address));
    for (owner, address) in listeners.chain(admin) {
        let Some(&At {
            value: address,
            node,
        }) = address.get()
        else {
            continue;
        };
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

pub(super) fn fetch(context: &mut Context<'_>, written: &Fetch) -> FetchDefinition {
    let pem = written
        .ca_file
        .get()
        .and_then(|at| context.certificates(at));
    let proxy = written.proxy.value();
    rules! { context,
        proxy.is_some_and(|url| !url.is_bare()) => written.proxy.node(),
            "a proxy is scheme, host and port";
    }
    FetchDefinition {
        timeout: *written.timeout,
        ca_pem: pem.map(|pem| pem.to_vec()),
        proxy: proxy.map(|url| url.0.clone()),
        ca_key: Some("fetch.ca_file"),
    }
}
