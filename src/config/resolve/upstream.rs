//! Where a route goes.

use url::Host;

use super::context::Context;
use crate::config::file::{Route, Upstream};
use crate::located::{At, HttpUrl};
use crate::outbound::UpstreamDefinition;
use crate::request::CanonicalPath;
use crate::routing::Template;

/// A route's upstream.
pub(super) fn upstream(
    context: &mut Context<'_>,
    route: &Route,
    path: Option<&Template>,
) -> Option<UpstreamDefinition> {
    let written = &route.upstream.get()?.value;
    let strip_segments = strip_segments(context, written, path);
    let ca_pem = written.ca_file.get().map(|at| context.certificates(at));
    let base_path = written.url.get().map(|url| base_path(context, url));
    let url = &written.url.get()?.value.0;
    if let Some(at) = written.ca_file.get().filter(|_| url.scheme() != "https") {
        context.problem(at.node, "`ca_file` is for https, and the url is http");
    }
    Some(UpstreamDefinition {
        tls: url.scheme() == "https",
        host: match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        },
        port: url.port_or_known_default()?,
        base_path: base_path?,
        strip_segments,
        preserve_host: written.host.is_written(),
        ca_pem: match ca_pem {
            Some(read) => Some(read?),
            None => None,
        },
        connect_timeout: *written.timeouts.connect,
        response_timeout: *written.timeouts.response,
    })
}

fn strip_segments(context: &mut Context<'_>, written: &Upstream, path: Option<&Template>) -> usize {
    let (Some(prefix), Some(path)) = (written.strip_prefix.get(), path) else {
        return 0;
    };
    path.prefix_segments(&prefix.value.0).unwrap_or_else(|| {
        let message = format!("`{}` is not how `match.path` begins", prefix.value.0);
        context.problem(prefix.node, message).hint(format_args!(
            "it takes whole literal segments from the start of {}",
            path.as_str()
        ));
        0
    })
}

/// The url's path as it goes before the forwarded one.
fn base_path(context: &mut Context<'_>, url: &At<HttpUrl>) -> String {
    let path = url.value.0.path().trim_end_matches('/');
    if path.is_empty() {
        return String::new();
    }
    match CanonicalPath::parse(path) {
        Ok(path) => path.as_str().to_owned(),
        Err(why) => {
            context.problem(url.node, why.to_string());
            String::new()
        }
    }
}
