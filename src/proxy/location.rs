//! `rewrite_location: true`: where an answer's `Location` names the upstream's own address, the caller
//! is sent to the same place by way of us. To everywhere else it points as it did.

use http::{HeaderMap, HeaderValue, header};

use crate::admission::Record;
use crate::outbound::{EndpointDefinition, UpstreamDefinition};

/// What stands before the upstream's paths where the caller sees them: what a trusted proxy took off,
/// and what we do. `None` where nothing is to be rewritten.
pub(super) fn base(record: &Record, headers: &HeaderMap) -> Option<String> {
    let definition = record.admission()?.route().upstream.definition();
    let head = record.head().filter(|_| definition.rewrite_location)?;
    let before = head.believed_prefix(headers).unwrap_or_default();
    Some(format!(
        "{before}{}",
        head.path.before(definition.strip_segments)
    ))
}

pub(super) fn rewrite(headers: &mut HeaderMap, definition: &UpstreamDefinition, base: &str) {
    let Some(location) = headers.get_mut(header::LOCATION) else {
        return;
    };
    let ours = location
        .to_str()
        .ok()
        .and_then(|it| ours(it, definition, base));
    if let Some(Ok(ours)) = ours.map(HeaderValue::try_from) {
        *location = ours;
    }
}

/// A reference without scheme and host (RFC 9110 §10.2.2): whatever proxies stand before us, the
/// caller knows by which name it came.
fn ours(location: &str, definition: &UpstreamDefinition, base: &str) -> Option<String> {
    let rest = path(location, definition)?.strip_prefix(&*definition.base_path)?;
    let slash = match rest.as_bytes().first() {
        Some(b'/') => "",
        // `/base` is the beginning of `/based` too.
        Some(byte) if !b"?#".contains(byte) => return None,
        _ if base.is_empty() => "/",
        _ => "",
    };
    let ours = format!("{base}{slash}{rest}");
    // SECURITY: two slashes begin the name of another host.
    let is_path = !matches!(ours.as_bytes(), [b'/', b'/' | b'\\', ..]);
    is_path.then_some(ours)
}

/// What follows the authority, where that is the upstream's own.
fn path<'a>(location: &'a str, definition: &UpstreamDefinition) -> Option<&'a str> {
    let (scheme, behind_scheme) = match location.strip_prefix('/') {
        Some(rest) if !rest.starts_with(['/', '\\']) => return Some(location),
        Some(rest) => (None, rest.strip_prefix('/')?),
        None => {
            let (scheme, rest) = location.split_once("://")?;
            (Some(scheme), rest)
        }
    };
    let end = behind_scheme.find(['/', '?', '#', '\\']);
    let (authority, path) = behind_scheme.split_at(end.unwrap_or(behind_scheme.len()));
    let mut endpoints = definition.endpoints.iter();
    let is_own = endpoints.any(|endpoint| is_own(endpoint, scheme, authority));
    is_own.then_some(path)
}

fn is_own(endpoint: &EndpointDefinition, scheme: Option<&str>, authority: &str) -> bool {
    let (own_scheme, default_port) = match endpoint.tls {
        true => ("https", ":443"),
        false => ("http", ":80"),
    };
    let own = endpoint.authority();
    let same = |it: &str| it.eq_ignore_ascii_case(&own);
    scheme.is_none_or(|scheme| scheme.eq_ignore_ascii_case(own_scheme))
        && (same(authority) || authority.strip_suffix(default_port).is_some_and(same))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::samples;

    #[test]
    fn only_the_upstreams_own_address_becomes_ours() {
        let mut plain = samples::upstream("", 1);
        let mut endpoint = plain.endpoints[0].clone();
        (endpoint.tls, endpoint.port) = (true, 443);
        endpoint.host = "api.internal".into();
        let mut other = endpoint.clone();
        other.host = "::1".into();
        plain.endpoints = vec![endpoint, other];
        let mut below = plain.clone();
        below.base_path = "/base".into();
        for (definition, base, location, expected) in [
            (
                &plain,
                "/x",
                "https://api.internal/a?b=c#d",
                Some("/x/a?b=c#d"),
            ),
            (&plain, "/x", "HTTPS://API.internal:443/a", Some("/x/a")),
            (&plain, "/x", "//api.internal/a", Some("/x/a")),
            (&plain, "/x", "https://[::1]/a", Some("/x/a")),
            (&plain, "/x", "https://[::2]/a", None),
            (&plain, "/x", "/a", Some("/x/a")),
            (&plain, "/x", "https://api.internal", Some("/x")),
            (&plain, "/x", "https://api.internal?a", Some("/x?a")),
            (&plain, "", "https://api.internal?a", Some("/?a")),
            (&plain, "", "https://api.internal", Some("/")),
            (&plain, "", "https://api.internal/a", Some("/a")),
            (&plain, "/x", "http://api.internal/a", None),
            (&plain, "/x", "https://api.internal:8443/a", None),
            (&plain, "/x", "https://api.internal.evil.example/a", None),
            (&plain, "/x", "https://u@api.internal/a", None),
            (
                &plain,
                "/x",
                "https://evil.example/https://api.internal/",
                None,
            ),
            (&plain, "/x", "a/b", None),
            (&plain, "/x", "", None),
            (&plain, "", "https://api.internal//evil.example/a", None),
            (&plain, "", "https://api.internal/\\evil.example/a", None),
            (&plain, "", "//evil.example/a", None),
            (&plain, "", "/\\evil.example/a", None),
            (&plain, "", "https://api.internal\\@evil.example/", None),
            (&below, "/x", "https://api.internal/base/a", Some("/x/a")),
            (&below, "/x", "https://api.internal/base", Some("/x")),
            (&below, "/x", "https://api.internal/based", None),
            (&below, "/x", "https://api.internal/other", None),
            (&below, "", "/base//evil.example", None),
        ] {
            assert_eq!(
                ours(location, definition, base).as_deref(),
                expected,
                "{location}"
            );
        }
    }
}
