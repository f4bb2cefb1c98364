//! The head that goes upstream, edited in place: what must not travel is taken off, what is ours is
//! set, and the path is the one that was matched.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri, Version, header};
use hyper::upgrade::OnUpgrade;

use super::failure::Failure;
use super::incoming::strip_hops;
use super::relay::Asked;
use super::tunnel;
use crate::admission::{Admission, Record};
use crate::outbound::Endpoint;
use crate::reason::Reason;
use crate::request::header_names::X_REQUEST_ID;

pub(super) fn edit(
    parts: &mut Parts,
    record: &Record,
    admission: &Admission,
    endpoint: &Endpoint,
    asked: &Asked,
) -> Result<(), Failure> {
    let no_head = || Failure::new(Reason::InternalError, "no head");
    let head = record.head().ok_or_else(no_head)?;
    let route = admission.route();
    let definition = route.upstream.definition();

    let headers = &mut parts.headers;
    let wants_trailers = wants_trailers(headers);
    let rules = &record.plan().headers;
    let left_out = rules.edit(headers, admission, head, strip_hops);
    if !left_out.is_empty() {
        record.left_out(&left_out);
    }
    if let Some(coding) = headers.get_mut(header::TRANSFER_ENCODING) {
        // SECURITY: to an upstream that knows lower case only, `Chunked` would be no body, and the
        // chunks its next request.
        *coding = HeaderValue::from_static("chunked");
    }
    record.tell_trace(headers);
    headers.insert(X_REQUEST_ID, record.request_id().header().clone());
    // HTTP/1.0 may come without a Host, and what goes on is HTTP/1.1.
    if !definition.preserve_host || !headers.contains_key(header::HOST) {
        headers.insert(header::HOST, endpoint.host_header().clone());
    }
    if asked.tunnel {
        tunnel::ask(headers);
    } else if wants_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    if asked.version == Version::HTTP_10 {
        // RFC 9110 §10.1.1: from such a caller it is to be ignored.
        headers.remove(header::EXPECT);
    }
    if head.is_overridden {
        parts.method = head.method.clone();
    }
    parts.version = Version::HTTP_11;
    // What is left there is the spelling of the names.
    parts.extensions.remove::<OnUpgrade>();
    if !definition.preserves_header_case() {
        parts.extensions.clear();
    }

    let target = definition.forwarded_target(&head.path);
    // Nearly every target goes on as it came, and parsing it again is dear. One in absolute form
    // never does: its authority would be sent along.
    let same = |uri: &Uri| uri.path_and_query().is_some_and(|it| it.as_str() == target);
    if parts.uri.authority().is_none() && same(&parts.uri) {
        return Ok(());
    }
    let parsed = Uri::try_from(&*target);
    parts.uri = parsed.map_err(|why| Failure::new(Reason::InternalError, why.to_string()))?;
    Ok(())
}

/// RFC 9110 §10.1.4. Of `TE` nothing else is passed on.
fn wants_trailers(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(header::TE).iter();
    fields.any(|value| {
        let mut codings = value.as_bytes().split(|byte| *byte == b',');
        codings.any(|it| it.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    })
}
