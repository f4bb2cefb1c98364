//! Where listeners accept: one place each, and what a Unix socket, whose peers have no address, can and cannot
//! have.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::absolute;

use super::context::{Context, rules};
use crate::config::file::{Admin, Callers, Listener, Route};
use crate::config::value::{ListenAddress, TrustedProxy};
use crate::edge::{Address, UnixAddress};
use crate::located::{At, FilePath, Named, NodeId};

/// What fits into the kernel's address, its end included (unix(7)).
const LONGEST_PATH: usize = 107;
/// Who may connect where the file does not say: whom the process runs as.
const OWN_MODE: u32 = 0o600;

pub(super) fn address(context: &mut Context<'_>, listener: &Listener) -> Option<Address> {
    let at = listener.address.get()?;
    let mode = &listener.socket_mode;
    let trusts_local = listener.trusted_proxies.iter();
    let trusts_local = trusts_local.filter(|at| at.value == TrustedProxy::Unix);
    let path = match &at.value {
        ListenAddress::Tcp(address) => {
            for local in trusts_local {
                context.problem(
                    local.node,
                    "nobody connects to this listener by a Unix socket",
                );
            }
            rules! { context,
                mode.is_written() => mode.node(), "`socket_mode` is for a Unix socket";
            }
            return Some(Address::Tcp(*address));
        }
        ListenAddress::Unix(path) => path,
    };
    let path = context.beside(&FilePath(path.clone()));
    let path = absolute(&path).unwrap_or(path);
    rules! { context,
        path.as_os_str().as_bytes().len() > LONGEST_PATH => at.node,
            format!("the path {} is longer than {LONGEST_PATH} bytes", path.display());
        listener.tls.is_written() => listener.tls.node(), "a Unix socket is spoken to without TLS",
            "who may connect is what its folder and `socket_mode` say";
    }
    Some(Address::Unix(UnixAddress {
        path,
        mode: mode.value().map_or(OWN_MODE, |mode| mode.0),
    }))
}

/// What never holds for whoever comes by a Unix socket, unless a proxy speaks for them.
pub(super) fn check_networks(
    context: &mut Context<'_>,
    route: &Route,
    listener: Option<&Listener>,
) {
    let Some(listener) = listener else { return };
    let is_unix = matches!(listener.address.value(), Some(ListenAddress::Unix(_)));
    let has_proxy = !listener.trusted_proxies.is_empty();
    let Some(Callers::Entries(entries, _)) = route.callers.value() else {
        return;
    };
    for entry in entries.iter().filter(|_| is_unix && !has_proxy) {
        rules! { context,
            entry.network.is_written() => entry.network.node(),
                "whoever connects to a Unix socket has no address: this never holds",
                "where a proxy there says whom it speaks for, write `trusted_proxies: [unix]` on the listener";
        }
    }
}

/// Two sockets cannot have one address; `0.0.0.0` is every IPv4 address and `[::]` every address.
pub(super) fn check_places(
    context: &mut Context<'_>,
    listeners: &Named<Listener>,
    admin: Option<&Admin>,
) {
    let mut by_port: HashMap<u16, Vec<(SocketAddr, String)>> = HashMap::new();
    let mut by_path = HashMap::new();
    let mut all: Vec<(String, At<SocketAddr>)> = Vec::new();
    for (name, listener) in listeners.iter() {
        let owner = format!("listener `{}`", name.value);
        let Some(at) = listener.address.get() else {
            continue;
        };
        match &at.value {
            ListenAddress::Tcp(address) => all.push((owner, at_place(*address, at.node))),
            ListenAddress::Unix(path) => {
                if let Some(whose) = by_path.insert(path.clone(), owner) {
                    let told = format!("{} is the socket of {whose} already", path.display());
                    context.problem(at.node, told);
                }
            }
        }
    }
    let admin = admin.and_then(|admin| admin.address.get());
    all.extend(admin.map(|at| ("admin".to_owned(), at_place(at.value, at.node))));
    for (
        owner,
        At {
            value: address,
            node,
        },
    ) in all
    {
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

fn at_place(value: SocketAddr, node: NodeId) -> At<SocketAddr> {
    At { value, node }
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |wide: IpAddr, narrow: IpAddr| {
        wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
    };
    one.ip() == other.ip() || covers(one.ip(), other.ip()) || covers(other.ip(), one.ip())
}
