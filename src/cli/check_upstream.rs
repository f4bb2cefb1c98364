//! Where does a route go? Its urls, how they are spoken to, and what is proven on either side, as the plan
//! shows it.

use std::iter::once;

use super::check_tls;
use crate::outbound::{EndpointDefinition, UpstreamDefinition, UpstreamProtocol};
use crate::routing::RouteDefinition;

pub(super) fn destination(route: &RouteDefinition) -> Vec<String> {
    let upstream = &route.upstream;
    let mut urls = urls(upstream);
    if let Some(last) = urls.last_mut() {
        last.push_str(&what_of_the_request(route));
    }
    let most = upstream.most_requests;
    let most = most.map(|most| format!("{most} requests at a time"));
    let retries = upstream.retries.as_ref();
    let retries = retries.map(|it| format!("repeated {} at most", times(it.most)));
    let bounds: Vec<_> = most.into_iter().chain(retries).collect();
    let bounds = (!bounds.is_empty()).then(|| bounds.join(", "));
    let proven = upstream.endpoints.first().and_then(proven);
    urls.into_iter().chain(proven).chain(bounds).collect()
}

fn urls(upstream: &UpstreamDefinition) -> Vec<String> {
    let url = |(place, endpoint): (usize, &EndpointDefinition)| {
        let or = if place == 0 { "" } else { "or " };
        let socket = endpoint.socket.as_ref();
        let socket = socket.map(|path| format!(" at the socket {}", path.display()));
        let (origin, base) = (endpoint.origin(), &upstream.base_path);
        format!("{or}{origin}{base}{}", socket.unwrap_or_default())
    };
    upstream.endpoints.iter().enumerate().map(url).collect()
}

fn what_of_the_request(route: &RouteDefinition) -> String {
    let upstream = &route.upstream;
    let mut text = String::new();
    if upstream.strip_segments > 0 {
        let segments = route.path.as_str().split('/').skip(1);
        let prefix: Vec<_> = segments.take(upstream.strip_segments).collect();
        text.push_str(&format!(", less /{}", prefix.join("/")));
    }
    let protocol = upstream.endpoints.first().map(|it| it.protocol);
    text.push_str(match protocol {
        None | Some(UpstreamProtocol::Http1) => "",
        Some(UpstreamProtocol::Http2 | UpstreamProtocol::Http2Clear) => ", by HTTP/2",
        Some(UpstreamProtocol::Auto) => ", by HTTP/2 where it agrees",
    });
    if upstream.preserve_host {
        text.push_str(", with the caller's Host");
    }
    if upstream.preserves_header_case() {
        text.push_str(", header names as they came");
    }
    text
}

/// What differs from what every `https` upstream proves, and is shown.
fn proven(endpoint: &EndpointDefinition) -> Option<String> {
    let oldest = (!check_tls::is_usual(endpoint.minimum_tls))
        .then(|| check_tls::oldest(endpoint.minimum_tls));
    let shown =
        endpoint
            .client_certificate
            .as_ref()
            .map(|certificate| match certificate.common_name() {
                Some(name) => format!("it is shown the certificate of {}", name.escape_debug()),
                None => "it is shown a certificate without a name".to_owned(),
            });
    let parts: Vec<_> = once(oldest).chain(once(shown)).flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
