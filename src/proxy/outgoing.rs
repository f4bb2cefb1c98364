//! The head that goes upstream: what must not travel is taken off, what is ours is set, and the path
//! is the one that was matched.

use std::borrow::Cow;

use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use super::gateway::upstream_of;
use super::{Context, intake, request_id};
use crate::request::{AccessRequest, normalised_host};

/// Brings the head that goes upstream in its final form.
pub(super) fn prepare(
    listener: &str,
    session: &Session,
    head: &mut RequestHeader,
    context: &Context,
) -> Result<()> {
    let (Some(admission), Some(path), Some(peer)) =
        (&context.admission, &context.path, context.peer)
    else {
        return Error::e_explain(ErrorType::InternalError, "no admission");
    };
    let original = session.req_header();
    let upstream = upstream_of(context)?;
    let definition = upstream.definition();
    let rules = &context.plan.headers;
    for name in rules.removals(admission.route(), &head.headers) {
        head.remove_header(&name);
    }
    let host = original
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    let request = AccessRequest {
        listener,
        method: &original.method,
        host: host.and_then(normalised_host),
        path,
        query: intake::query(original),
        headers: &original.headers,
        peer,
    };
    for (name, value) in rules.additions(admission, &request) {
        head.insert_header(name, value)?;
    }
    head.insert_header(request_id::HEADER, &*context.request_id)?;
    // HTTP/1.0 may come without a Host, and what goes on is HTTP/1.1.
    if !definition.preserve_host || !head.headers.contains_key(http::header::HOST) {
        head.insert_header(http::header::HOST, upstream.host_header().clone())?;
    }
    let path = definition.forwarded_path(path);
    let target = match request.query {
        Some(query) => Cow::Owned(format!("{path}?{query}")),
        None => path,
    };
    // Nearly every target goes on as it came, and parsing it again is dear. One in absolute form
    // never does: its authority would be sent along.
    if head.uri.authority().is_none() && head.raw_path() == target.as_bytes() {
        return Ok(());
    }
    head.set_raw_path(target.as_bytes())
}
