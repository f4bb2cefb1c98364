//! Where a route goes.

use url::Host;

use super::context::{Context, rules};
use super::server::{self, Proxied};
use crate::config::file::{Route, Upstream};
use crate::located::{At, HttpUrl};
use crate::outbound::{EndpointDefinition, ProxyDefinition, UpstreamDefinition, UpstreamProtocol};
use crate::request::CanonicalPath;
use crate::routing::Template;

pub(super) fn upstream(
    context: &mut Context<'_>,
    route: &Route,
    path: Option<&Template>,
) -> Option<UpstreamDefinition> {
    let written = route.upstream.value()?;
    let strip_segments = strip_segments(context, written, path);
    let ca_pem = written.ca_file.optional(|at| context.certificates(at));
    let at = written.url.get()?;
    let (url, base_path) = (&at.0, base_path(context, at));
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
    rules! { context,
        tls => written.socket.node(), "a Unix socket is spoken to without TLS, and the url is https",
            "write `http://localhost`, or whichever `Host` it expects";
        written.proxy.is_written() => written.socket.node(), "no proxy reaches a Unix socket";
    }
    let endpoint = EndpointDefinition {
        tls,
        host: match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        },
        port: url.port_or_known_default()?,
        socket: written.socket.value().map(|path| context.beside(path)),
        protocol: *written.protocol,
        preserve_header_case: written.header_case.is_written(),
        proxy: proxy?.and_then(|proxy| {
            Some(ProxyDefinition {
                host: match proxy.url.host()? {
                    Host::Domain(name) => name.to_owned(),
                    Host::Ipv4(address) => address.to_string(),
                    Host::Ipv6(address) => address.to_string(),
                },
                port: proxy.url.port_or_known_default()?,
                authorization: proxy.authorization(),
            })
        }),
        ca_pem: ca_pem?,
        connect_timeout: *written.timeouts.connect,
        response_timeout: *written.timeouts.response,
    };
    Some(UpstreamDefinition {
        endpoints: vec![endpoint],
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
