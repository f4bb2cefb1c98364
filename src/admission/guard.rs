//! What is refused before anybody asks who is calling: on routes that carry our token, web pages;
//! there, and where `where` holds callers to parts of the path, what would reach past the path that
//! was checked: batches, and options of OData in the query and in the path.

use std::fmt;

use memchr::memchr2;

use super::{Refusal, cors};
use crate::reason::Reason;
use crate::request::{AccessRequest, CanonicalPath, decoded_fully};
use crate::routing::{Route, RouteDefinition};

/// Segments of OData that say no more of what the path names.
const HARMLESS: [&str; 2] = ["$value", "$count"];

/// Checks a request against the rules that hold whoever calls.
pub(super) fn check(route: &Route, request: AccessRequest<'_>) -> Result<(), Refusal> {
    match broken(&route.definition, route.egress.is_ours(), request) {
        None => Ok(()),
        Some((reason, detail)) => Err(Refusal::Guard { reason, detail }),
    }
}

fn broken(
    route: &RouteDefinition,
    ours: bool,
    request: AccessRequest<'_>,
) -> Option<(Reason, String)> {
    if let Some(most) = route.limits.body
        && announced(request).is_some_and(|length| length > most)
    {
        let detail = "Content-Length is larger than the route's limits.body";
        return Some((Reason::BodyTooLarge, detail.to_owned()));
    }
    let page = match cors::page(route, request.headers) {
        Ok(page) => page,
        Err(broken) => return Some(broken),
    };
    // SECURITY: a loopback listener is reachable from every web page the user has open. One that the
    // route names may, by what it knows itself.
    if ours && is_from_browser(request) && (page.is_none() || !brings_its_own(request)) {
        return Some(plain(Reason::BrowserNotAllowed));
    }
    if let Some(broken) = forbidden_form(route, &request.head.path) {
        return Some(broken);
    }
    // SECURITY: an update that goes on as a plain POST is a create.
    if request.head.is_overridden && !route.method_override {
        return Some(plain(Reason::MethodOverrideNotAllowed));
    }
    if !ours && !route.callers.limit_parameters() {
        return None;
    }
    let path = &request.head.path;
    forbidden_segment(route, path).or_else(|| forbidden_option(route, ours, path.query()?))
}

/// SECURITY: what is read in several ways passes only where the route says that its upstream reads
/// it as it is matched.
fn forbidden_form(route: &RouteDefinition, path: &CanonicalPath) -> Option<(Reason, String)> {
    if path.forms().are_none() {
        return None;
    }
    let broken = |why: &dyn fmt::Display| Some((Reason::BadPath, why.to_string()));
    if let Err(why) = route.path_forms.allow(path) {
        return broken(&format_args!(
            "{why}, which `match` of the route does not allow"
        ));
    }
    // To some it is the name of another host (RFC 3986 §4.2).
    if route.upstream.forwarded_target(path).starts_with("//") {
        return broken(&"the path would begin with two slashes for the upstream");
    }
    None
}

/// What `Content-Length` announces. That it is one number was seen when the head was read.
fn announced(request: AccessRequest<'_>) -> Option<u64> {
    let length = request.headers.get(http::header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Of what needs no detail.
fn plain(reason: Reason) -> (Reason, String) {
    (reason, reason.sentence().to_owned())
}

/// SECURITY: in a batch are requests that we do not see, `$query` has options in its body, and
/// others begin anew elsewhere.
fn forbidden_segment(route: &RouteDefinition, path: &CanonicalPath) -> Option<(Reason, String)> {
    let escaped_or_option = memchr2(b'$', b'%', path.as_str().as_bytes());
    escaped_or_option?;
    for segment in path.segments() {
        let unreadable = (
            Reason::SegmentNotAllowed,
            "a segment without end".to_owned(),
        );
        let Some(decoded) = decoded_fully(segment.as_bytes()) else {
            return Some(unreadable);
        };
        for name in decoded.split(|byte| *byte == b'/') {
            let name = String::from_utf8_lossy(trimmed(name));
            if !name.starts_with('$') {
                // Behind a namespace or a parenthesis it may be one to a lenient reader.
                let lower = name.to_ascii_lowercase();
                let mut parts = lower.split(['.', '(']);
                if !route.allow_batch && parts.any(|part| part.starts_with("$batch")) {
                    return Some(plain(Reason::BatchNotAllowed));
                }
                continue;
            }
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("$batch") && !route.allow_batch {
                return Some(plain(Reason::BatchNotAllowed));
            }
            let says_so = is("$batch") || route.path.has_literal(&name);
            if !says_so && !HARMLESS.iter().any(|known| is(known)) {
                let cut: String = name.chars().take(40).collect();
                let detail = format!("the path has a segment `{cut}`");
                return Some((Reason::SegmentNotAllowed, detail));
            }
        }
    }
    None
}

fn forbidden_option(route: &RouteDefinition, ours: bool, query: &str) -> Option<(Reason, String)> {
    let forbidden = route.query.check(query, ours).err()?;
    let reason = match forbidden.0.eq_ignore_ascii_case("expand") {
        true => Reason::ExpandNotAllowed,
        false => Reason::QueryNotAllowed,
    };
    let detail = format!("the query has an option `{}`", forbidden.0);
    Some((reason, detail))
}

/// Browsers send `Origin` with what could change something from elsewhere, and say by
/// `Sec-Fetch-Site` who started a request: `none` is the user.
fn is_from_browser(request: AccessRequest<'_>) -> bool {
    let mut sites = request.headers.get_all("sec-fetch-site").iter();
    request.headers.contains_key(http::header::ORIGIN)
        || sites.any(|site| site.as_bytes() != b"none")
}

/// Whether what it presents is the page's own, and nothing that a browser adds by itself, as it does
/// with what a user once typed.
fn brings_its_own(request: AccessRequest<'_>) -> bool {
    let mut fields = request.headers.get_all(http::header::AUTHORIZATION).iter();
    fields.all(|field| {
        let scheme = field.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    })
}

/// Without what a lenient parser drops from the ends: spaces, also as `+`, and control bytes.
fn trimmed(name: &[u8]) -> &[u8] {
    let stays = |byte: &u8| *byte > b' ' && !matches!(byte, b'+' | 0x7f);
    let start = name.iter().position(stays).unwrap_or(name.len());
    let end = name.iter().rposition(stays).map_or(start, |last| last + 1);
    &name[start..end]
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
