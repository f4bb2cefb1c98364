//! The upstream's head on its way back: a token of ours that was refused, a switch that nobody asked
//! for, and what an upstream says of its connection to us (RFC 9110 §7.6.1), which Pingora takes off
//! requests only.

use http::{HeaderName, StatusCode, Version, header};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use super::Context;
use crate::clock::UnixTime;
use crate::reason::Reason;
use crate::request::header_names::{OF_ONE_HOP, X_REQUEST_ID};

/// What tells where the message ends is not the upstream's to take away.
const FRAMING: &[HeaderName] = &[header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

pub(super) fn receive(
    session: &Session,
    head: &mut ResponseHeader,
    context: &mut Context,
) -> Result<()> {
    let admission = context.admission()?;
    let egress = &admission.route().egress;
    if egress.is_ours() && head.status == StatusCode::UNAUTHORIZED {
        egress.refused(admission.token(), UnixTime::now());
        context.failure = Some(Reason::UpstreamRefusedToken);
        return Error::e_explain(ErrorType::HTTPStatus(502), "the upstream answered 401");
    }
    // Pingora passes on a 101 that nobody asked for where neither side did.
    if head.status == StatusCode::SWITCHING_PROTOCOLS && !session.is_upgrade_req() {
        return Error::e_explain(ErrorType::InvalidHTTPHeader, "101 without a request for it")
            .map_err(|error: Box<Error>| error.into_up());
    }
    strip_hops(head);
    head.insert_header(X_REQUEST_ID, context.record.request_id().header())
}

/// RFC 9112 §6.1: HTTP/1.0 knows no chunks, and Pingora makes them of any open end.
pub(super) fn end_without_chunks(session: &mut Session, head: &mut ResponseHeader) {
    if session.req_header().version == Version::HTTP_10
        && head.remove_header(&header::TRANSFER_ENCODING).is_some()
    {
        session.set_keepalive(None);
    }
}

/// A 101 needs what it has. `Connection` itself and `Transfer-Encoding` are Pingora's to set.
fn strip_hops(head: &mut ResponseHeader) {
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let of_one_hop = |name: &HeaderName| *name == header::CONNECTION || OF_ONE_HOP.contains(name);
    if !head.headers.keys().any(of_one_hop) {
        return;
    }
    for name in &OF_ONE_HOP {
        head.remove_header(name);
    }
    let fields = head.headers.get_all(header::CONNECTION).iter();
    let named: Vec<HeaderName> = fields
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| !FRAMING.contains(name))
        .collect();
    for name in named {
        head.remove_header(&name);
    }
    head.remove_header(&header::CONNECTION);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(status: u16, fields: &[(&'static str, &str)]) -> Vec<String> {
        let mut head = ResponseHeader::build(status, None).unwrap();
        for (name, value) in fields {
            head.append_header(*name, *value).unwrap();
        }
        strip_hops(&mut head);
        let mut left: Vec<String> = head.headers.keys().map(ToString::to_string).collect();
        left.sort_unstable();
        left
    }

    #[test]
    fn what_connection_names_is_taken_off_and_framing_never() {
        let fields = [
            ("connection", "close, X-Hop ,content-length,,b\u{e4}d"),
            ("connection", "x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("content-length", "2"),
            ("x-end", "1"),
        ];
        assert_eq!(stripped(200, &fields), ["content-length", "x-end"]);
    }

    #[test]
    fn a_101_keeps_what_it_switches_by() {
        let fields = [("connection", "upgrade"), ("upgrade", "websocket")];
        assert_eq!(stripped(101, &fields), ["connection", "upgrade"]);
        assert!(stripped(426, &fields).is_empty());
    }
}
