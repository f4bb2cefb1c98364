//! Where a route goes.

use url::{Host, Url};

use super::balance;
use super::certificate::{Written, certified_key};
use super::context::{Context, rules};
use super::server::{self, Proxied};
use crate::config::file::{Route, Upstream};
use crate::located::{At, HttpUrl};
use crate::outbound::{EndpointDefinition, ProxyDefinition, UpstreamDefinition, UpstreamProtocol};
use crate::request::CanonicalPath;
use crate::routing::Template;

/// Where it goes, in file order, with their places.
pub(super) fn urls(written: &Upstream) -> impl Iterator<Item = &At<HttpUrl>> {
    let several = written.urls.value().into_iter().flat_map(|urls| &urls.0);
    written.url.get().into_iter().chain(several)
}

pub(super) fn upstream(
    context: &mut Context<'_>,
    route: &Route,
    path: Option<&Template>,
) -> Option<UpstreamDefinition> {
    let at = route.upstream.get()?;
    let written = &at.value;
    let strip_segments = strip_segments(context, written, path);
    let ca_pem = written.ca_file.optional(|at| context.certificates(at));
    let (has_url, has_urls) = (written.url.is_written(), written.urls.is_written());
    rules! { context,
        !has_url && !has_urls && written.complete => at.node, "this upstream has no `url`";
        has_url => written.urls.node(), "`url` and `urls` are one thing", "put it among the `urls`";
        !has_urls => written.balance.node(), "there is nothing to balance: one `url`",
            "name several places in `urls`";
    }
    check_urls(context, written);
    let first = urls(written).next()?;
    let (url, base_path) = (&first.0, base_path(context, first));
    let tls = url.scheme() == "https";
    let matched = route.r#match.value();
    rules! { context,
        // SECURITY: else callers choose the upstream's site, and with it whose rules hold there.
        matched.is_some_and(|matched| !matched.host.is_written()) => written.host.node(),
            "`host: preserve` lets callers choose the upstream's virtual host: it needs `match.host`",
            "name the host that is meant in `match.host`";
        !tls => written.ca_file.node(), "`ca_file` is for https, and the url is http";
    }
    let proxy = written.proxy.optional(|at| server::proxy(context, at));
    let encrypted = |proxy: &Proxied| proxy.url.scheme() == "https";
    let is_encrypted = proxy.iter().flatten().any(encrypted);
    rules! { context,
        !tls => written.proxy.node(), "`proxy` is for https, and the url is http";
        is_encrypted => written.proxy.node(), "the proxy of an upstream is spoken to over http";
    }
    check_protocol(context, written, tls);
    let client_certificate = written.client_certificate.optional(|at| {
        let written = Written {
            file: &at.certificate,
            word: "certificate",
            key: &at.key,
            passphrase: &at.passphrase,
            node: at.node,
        };
        certified_key(context, &written)
    });
    rules! { context,
        !tls => written.client_certificate.node(),
            "`client_certificate` is for https, and the url is http";
        !tls => written.minimum_tls.node(), "`minimum_tls` is for https, and the url is http";
    }
    rules! { context,
        tls => written.socket.node(), "a Unix socket is spoken to without TLS, and the url is https",
            "write `http://localhost`, or whichever `Host` it expects";
        written.proxy.is_written() => written.socket.node(), "no proxy reaches a Unix socket";
        has_urls => written.socket.node(), "a Unix socket is one place, and there are several `urls`";
    }
    let (proxy, ca_pem) = (proxy?.and_then(|it| proxy_definition(&it)), ca_pem?);
    let client_certificate = client_certificate?;
    let health = balance::health(&written.health)?;
    let socket = written.socket.value().map(|path| context.beside(path));
    let endpoint = |url: &At<HttpUrl>| {
        Some(EndpointDefinition {
            tls,
            host: host(&url.0)?,
            port: url.0.port_or_known_default()?,
            socket: socket.clone(),
            protocol: *written.protocol,
            preserve_header_case: written.header_case.is_written(),
            proxy: proxy.clone(),
            client_certificate: client_certificate.clone(),
            minimum_tls: *written.minimum_tls,
            ca_pem: ca_pem.clone(),
            connect_timeout: *written.timeouts.connect,
            response_timeout: *written.timeouts.response,
            health: health.clone(),
        })
    };
    Some(UpstreamDefinition {
        endpoints: urls(written).map(endpoint).collect::<Option<_>>()?,
        balance: *written.balance,
        most_requests: written.limits.requests.value().copied(),
        retries: written.retries.value().map(balance::retries),
        base_path,
        strip_segments,
        preserve_host: written.host.is_written(),
        rewrite_location: *written.rewrite_location,
    })
}

fn check_protocol(context: &mut Context<'_>, written: &Upstream, tls: bool) {
    use UpstreamProtocol::{Auto, Http2, Http2Clear};
    let (protocol, node) = (*written.protocol, written.protocol.node());
    rules! { context,
        matches!(protocol, Http2 | Auto) && !tls => node,
            "this is agreed on in TLS, and the url is http",
            "`h2c` is HTTP/2 without TLS";
        protocol == Http2Clear && tls => node, "`h2c` is without TLS, and the url is https",
            "write `h2`";
        protocol.is_only_http2() => written.header_case.node(),
            "in HTTP/2 every name is in lower case: there is no spelling to preserve";
    }
}

/// Whichever of them a request goes to, it must not matter.
fn check_urls(context: &mut Context<'_>, written: &Upstream) {
    let most = UpstreamDefinition::MOST_ENDPOINTS;
    let Some(several) = written.urls.get() else {
        return;
    };
    rules! { context,
        several.0.len() > most => several.node, format!("these are more than {most} urls");
    }
    let mut known: Vec<&Url> = Vec::new();
    for at in &several.0 {
        let (url, node) = (&at.0, at.node);
        let first = known.first().copied().unwrap_or(url);
        let place = |url: &Url| {
            (
                url.host().map(|it| it.to_owned()),
                url.port_or_known_default(),
            )
        };
        let path = |url: &Url| url.path().trim_end_matches('/').to_owned();
        rules! { context,
            url.scheme() != first.scheme() => node, "some `urls` are https, others are not";
            path(url) != path(first) => node, "the `urls` differ in their paths",
                "they may differ in host and port alone";
            known.iter().any(|it| place(it) == place(url)) => node, "this place is there twice";
        }
        known.push(url);
    }
}

fn host(url: &Url) -> Option<String> {
    Some(match url.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}

fn proxy_definition(proxy: &Proxied) -> Option<ProxyDefinition> {
    Some(ProxyDefinition {
        host: host(&proxy.url)?,
        port: proxy.url.port_or_known_default()?,
        authorization: proxy.authorization(),
    })
}

fn strip_segments(context: &mut Context<'_>, written: &Upstream, path: Option<&Template>) -> usize {
    let (Some(prefix), Some(path)) = (written.strip_prefix.get(), path) else {
        return 0;
    };
    let segments = path.prefix_segments(&prefix.0);
    rules! { context,
        segments.is_none() => prefix.node,
            format!("`{}` is not how `match.path` begins", prefix.0),
            format_args!("it takes whole literal segments from the start of {}", path.as_str());
    }
    segments.unwrap_or_default()
}

/// The url's path as it goes before the forwarded one.
fn base_path(context: &mut Context<'_>, url: &At<HttpUrl>) -> String {
    let path = match url.0.path().trim_end_matches('/') {
        "" => return String::new(),
        path => CanonicalPath::parse(path),
    };
    path.map(|path| path.as_str().to_owned())
        .map_err(|why| context.problem(url.node, why.to_string()))
        .unwrap_or_default()
}
