//! What is refused before anybody asks who is calling: on routes that carry our token, web pages and
//! batches; on routes with `where`, expansions that would reach past it.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::Refusal;
use crate::policy::Callers;
use crate::reason::Reason;
use crate::request::AccessRequest;
use crate::routing::{Route, RouteDefinition};

/// How many times an upstream may be thought to decode. What needs more is taken for an attack.
const MOST_DECODINGS: usize = 4;

/// Checks a request against the rules that hold whoever calls.
pub(super) fn check(route: &Route, request: AccessRequest<'_>) -> Result<(), Refusal> {
    match broken(&route.definition, route.egress.is_ours(), request) {
        None => Ok(()),
        Some(reason) => Err(Refusal::Guard(reason)),
    }
}

fn broken(route: &RouteDefinition, ours: bool, request: AccessRequest<'_>) -> Option<Reason> {
    // SECURITY: a loopback listener is reachable from every web page the user has open.
    if ours && is_from_browser(request) {
        return Some(Reason::BrowserNotAllowed);
    }
    // SECURITY: an update that goes on as a plain POST is a create.
    if request.head.is_overridden && !route.method_override {
        return Some(Reason::MethodOverrideNotAllowed);
    }
    let path = &request.head.path;
    let has_segment = |name| path.segments().any(|segment| means(segment, name));
    if ours && !route.allow_batch && has_segment("$batch") {
        return Some(Reason::BatchNotAllowed);
    }
    // OData 4.01 takes query options from the body of a POST to `…/$query`, where we do not look.
    let names_expand = || path.query().is_some_and(names_expand) || has_segment("$query");
    if has_where(&route.callers) && names_expand() {
        return Some(Reason::ExpandNotAllowed);
    }
    None
}

/// Browsers send `Origin` with what could change something from elsewhere, and say by
/// `Sec-Fetch-Site` who started a request: `none` is the user.
fn is_from_browser(request: AccessRequest<'_>) -> bool {
    let mut sites = request.headers.get_all("sec-fetch-site").iter();
    request.headers.contains_key(http::header::ORIGIN)
        || sites.any(|site| site.as_bytes() != b"none")
}

fn has_where(callers: &Callers) -> bool {
    match callers {
        Callers::Public => false,
        Callers::Entries(entries) => entries.limit_parameters(),
    }
}

/// Whether an upstream may read the segment as this name, by whatever number of decodings.
fn means(segment: &str, name: &str) -> bool {
    let Some(decoded) = decoded_fully(segment) else {
        return true;
    };
    trimmed(&decoded).eq_ignore_ascii_case(name.as_bytes())
}

/// Whether an upstream may find the OData option `$expand`, which also goes by `expand`, in a
/// query. Decoding comes before splitting, so that a separator that was escaped separates as well.
fn names_expand(query: &str) -> bool {
    let Some(decoded) = decoded_fully(query) else {
        return true;
    };
    decoded
        .split(|byte| matches!(byte, b'&' | b';' | b'?'))
        .any(|pair| {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or(pair);
            let name = trimmed(name);
            let name = name.strip_prefix(b"$").unwrap_or(name);
            // `%u0065` is an `e` to some servers and stays what it is here: no option has such a name.
            trimmed(name).eq_ignore_ascii_case(b"expand") || name.contains(&b'%')
        })
}

/// Without what a lenient parser drops from the ends: spaces, also as `+`, and control bytes.
fn trimmed(name: &[u8]) -> &[u8] {
    let stays = |byte: &u8| *byte > b' ' && !matches!(byte, b'+' | 0x7f);
    let start = name.iter().position(stays).unwrap_or(name.len());
    let end = name.iter().rposition(stays).map_or(start, |last| last + 1);
    &name[start..end]
}

/// Decodes until nothing changes: an upstream that decodes twice must not see what we did not.
/// `None` where that takes suspiciously long.
fn decoded_fully(text: &str) -> Option<Cow<'_, [u8]>> {
    let mut current = Cow::Borrowed(text.as_bytes());
    for _ in 0..=MOST_DECODINGS {
        // Nothing is copied where nothing is escaped.
        let next = match Cow::from(percent_decode(&current)) {
            Cow::Borrowed(_) => return Some(current),
            Cow::Owned(next) => next,
        };
        current = Cow::Owned(next);
    }
    None
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
