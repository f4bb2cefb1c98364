//! The head that goes upstream: what must not travel is taken off, what is ours is set, and the path
//! is the one that was matched.

use http::header::HOST;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use super::Context;
use crate::request::AccessRequest;
use crate::request::header_names::X_REQUEST_ID;

pub(super) fn prepare(
    session: &Session,
    head: &mut RequestHeader,
    context: &Context,
) -> Result<()> {
    let (record, admission) = (&context.record, context.admission()?);
    let Some(received) = record.head() else {
        return Error::e_explain(ErrorType::InternalError, "no head");
    };
    let request = AccessRequest {
        head: received,
        headers: &session.req_header().headers,
    };
    let upstream = &admission.route().upstream;
    let definition = upstream.definition();
    let rules = &record.plan().headers;
    for name in rules.removals(admission.route(), &head.headers) {
        head.remove_header(&name);
    }
    for (name, value) in rules.additions(admission, request) {
        head.insert_header(name, value)?;
    }
    head.insert_header(X_REQUEST_ID, record.request_id().header())?;
    // HTTP/1.0 may come without a Host, and what goes on is HTTP/1.1.
    if !definition.preserve_host || !head.headers.contains_key(HOST) {
        head.insert_header(HOST, upstream.host_header().clone())?;
    }
    let target = definition.forwarded_target(&received.path);
    // Nearly every target goes on as it came, and parsing it again is dear. One in absolute form
    // never does: its authority would be sent along.
    if head.uri.authority().is_none() && head.raw_path() == target.as_bytes() {
        return Ok(());
    }
    head.set_raw_path(target.as_bytes())
}
