//! The process's own definitions: its listeners and its fetches.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::Url;
use zeroize::Zeroizing;

use super::context::{Context, rules};
use super::tls::tls;
use super::{address, limit};
use crate::config::file::{Fetch, File, Listener, Proxy};
use crate::edge::{Limits, ListenerDefinition, Protocols, Spoken};
use crate::http_client::FetchDefinition;
use crate::limit::Limit;
use crate::located::{At, Named};
use crate::secret::Secret;

/// All listeners, in file order.
pub(super) fn listeners(context: &mut Context<'_>, file: &File) -> Option<Vec<ListenerDefinition>> {
    let written = file.listeners.get()?;
    rules! { context,
        written.entries.is_empty() => written.node, "there is no listener";
    }
    address::check_places(context, written, file.admin.value());
    written.each(|name, listener| {
        let protocols = protocols(context, listener, listener.tls.is_written());
        let limits = &listener.limits;
        let (connections, per_address) = (&limits.connections, &limits.connections_per_address);
        rules! { context,
            **connections == 0 => connections.node(), "a listener that accepts nothing is none";
            per_address.value() == Some(&0) => per_address.node(), "a listener that accepts nothing is none";
            *listener.proxy_protocol && listener.trusted_proxies.is_empty() => listener.proxy_protocol.node(),
                "`proxy_protocol` is for `trusted_proxies`, and there is none";
        }
        let streams = &limits.streams;
        let tls = listener.tls.optional(|at| tls(context, at));
        let address = address::address(context, listener);
        Some(ListenerDefinition {
            name: Arc::from(name.as_str()),
            address: address?,
            protocols,
            tls: tls?,
            proxy_protocol: *listener.proxy_protocol,
            trusted_proxies: listener.trusted_proxies.iter().map(|at| at.network()).collect(),
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
                streams: **streams,
                handshakes: *limits.handshakes,
                requests: limits
                    .requests_per_connection
                    .value()
                    .copied()
                    .unwrap_or(usize::MAX),
            },
            timeouts: listener.timeouts.fill(),
        })
    })
}

/// What each listener allows to each address, where it says so.
pub(super) fn doors(context: &mut Context<'_>, file: &File) -> Vec<(Arc<str>, Limit)> {
    let named = file.listeners.value().into_iter().flat_map(Named::iter);
    let doors = named.filter_map(|(name, listener)| {
        let at = listener.limits.per_address.get()?;
        Some((Arc::from(name.value.as_str()), limit::limit(context, at)?))
    });
    doors.collect()
}

/// What is spoken on a listener, which has TLS or not.
fn protocols(context: &mut Context<'_>, listener: &Listener, has_tls: bool) -> Protocols {
    let Some(written) = listener.protocols.value() else {
        return match has_tls {
            true => Protocols::TLS,
            false => Protocols::PLAIN,
        };
    };
    let mut said = Vec::new();
    for at in &written.0 {
        rules! { context,
            said.contains(&at.value) => at.node, format!("`{}` is there already", at.value.word());
            at.value == Spoken::H2 && !has_tls => at.node,
                "`h2` is spoken over TLS; without it, HTTP/2 is `h2c`";
            at.value == Spoken::H2c && has_tls => at.node,
                "`h2c` is spoken without TLS; over it, HTTP/2 is `h2`";
        }
        said.push(at.value);
    }
    said.into_iter().collect()
}

pub(super) fn fetch(context: &mut Context<'_>, written: &Fetch) -> FetchDefinition {
    let pem = written
        .ca_file
        .get()
        .and_then(|at| context.certificates(at));
    let proxy = written.proxy.get().and_then(|at| proxy(context, at));
    let no_proxy = &written.no_proxy;
    rules! { context,
        !no_proxy.is_empty() && !written.proxy.is_written() => no_proxy.node(),
            "`no_proxy` is about `proxy`, and there is none";
    }
    for at in no_proxy.iter() {
        rules! { context,
            at.0.contains([',', ' ', '/']) && at.0.parse::<ipnet::IpNet>().is_err() => at.node,
                "expected a host, an address or a network";
        }
    }
    FetchDefinition {
        timeout: *written.timeout,
        ca_pem: pem.map(|pem| pem.to_vec()),
        proxy: proxy.map(Proxied::into_url),
        no_proxy: no_proxy.iter().map(|at| at.0.clone()).collect(),
        ..FetchDefinition::default()
    }
}

/// A proxy, and who we are to it.
pub(super) struct Proxied {
    pub(super) url: Url,
    user: Option<(String, Secret<String>)>,
}

/// The password is read here, once; a proxy that needs none has a user at most.
pub(super) fn proxy(context: &mut Context<'_>, at: &At<Proxy>) -> Option<Proxied> {
    let (url, written) = match &at.value {
        Proxy::Bare(url) => (url, None),
        Proxy::Full(full) => (full.url.value()?, Some(full)),
    };
    rules! { context,
        !url.is_bare() => at.node, "a proxy is scheme, host and port";
    }
    let mut known = None;
    if let Some(full) = written {
        let user = full.user.value();
        let password = match full.password.get() {
            Some(at) => Some(context.secret(at)?),
            None => None,
        };
        rules! { context,
            password.is_some() && user.is_none() => full.password.node(),
                "a password without `user`";
            user.is_some_and(|user| user.0.contains(':')) => full.user.node(),
                "a user's name has no colon (RFC 7617)";
        }
        let empty = || Secret::new(String::new());
        known = user.map(|user| (user.0.clone(), password.unwrap_or_else(empty)));
    }
    Some(Proxied {
        url: url.0.clone(),
        user: known,
    })
}

impl Proxied {
    /// With user and password in it, as the client for our own calls takes them.
    fn into_url(self) -> Url {
        let mut url = self.url;
        if let Some((user, password)) = self.user {
            // INVARIANT: an http URL with a host takes both.
            let _ = url.set_username(&user);
            let _ = url.set_password(Some(password.expose()));
        }
        url
    }

    /// `Proxy-Authorization` (RFC 7617).
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.user.as_ref()?;
        let both = Zeroizing::new(format!("{user}:{}", password.expose()));
        let encoded = Zeroizing::new(STANDARD.encode(both.as_bytes()));
        let value = Zeroizing::new(format!("Basic {}", &*encoded));
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}
