//! The answer's head on its way back: a switch that nobody asked for, and what an upstream says of its
//! connection to us (RFC 9110 §7.6.1).

use http::{HeaderMap, HeaderName, StatusCode, header, response};

use super::failure::Failure;
use super::relay::Asked;
use super::{location, tunnel};
use crate::admission::Record;
use crate::reason::Reason;
use crate::request::header_names::{OF_ONE_HOP, X_REQUEST_ID};
use crate::routing::Route;

/// Of RFC 2965; some still read it.
const SET_COOKIE2: HeaderName = HeaderName::from_static("set-cookie2");

pub(super) fn receive(
    head: &mut response::Parts,
    record: &Record,
    asked: &Asked,
) -> Result<(), Failure> {
    let no_admission = || Failure::new(Reason::InternalError, "no admission");
    let admission = record.admission().ok_or_else(no_admission)?;
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if !asked.tunnel || !tunnel::is_agreed(&head.headers) {
            let why = "the answer is not HTTP as it should be: 101 without a request for it";
            return Err(Failure::new(Reason::UpstreamFailed, why));
        }
        tunnel::keep_agreement(&mut head.headers);
    } else {
        strip_hops(&mut head.headers);
        // The codec frames the body anew.
        head.headers.remove(header::TRANSFER_ENCODING);
    }
    strip_ours(&mut head.headers, admission.route());
    if let Some(base) = &asked.base {
        location::rewrite(
            &mut head.headers,
            admission.route().upstream.definition(),
            base,
        );
    }
    record.held().tell(&mut head.headers);
    record.tell_page(&mut head.headers);
    let id = record.request_id().header().clone();
    head.headers.insert(X_REQUEST_ID, id);
    Ok(())
}

/// SECURITY: the session that an upstream begins with our token is not the caller's, nor is our
/// token where it is echoed.
pub(super) fn strip_ours(headers: &mut HeaderMap, route: &Route) {
    if !route.lets_cookies_back() {
        headers.remove(header::SET_COOKIE);
        headers.remove(SET_COOKIE2);
    }
    if route.egress.is_ours() {
        headers.remove(header::AUTHORIZATION);
    }
}

/// What `Connection` names goes with it, but for what tells where the message ends: that is not the
/// other side's to take away.
pub(super) fn strip_hops(headers: &mut HeaderMap) {
    let of_one_hop = |name: &HeaderName| {
        let name = name.as_str();
        name == "connection" || OF_ONE_HOP.contains(&name)
    };
    if !headers.keys().any(of_one_hop) {
        return;
    }
    for name in named_by_connection(headers) {
        headers.remove(&name);
    }
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
    headers.remove(header::CONNECTION);
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    const FRAMING: [HeaderName; 3] = [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::HOST,
    ];
    let fields = headers.get_all(header::CONNECTION).iter();
    fields
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| !FRAMING.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_connection_names_is_taken_off_and_framing_never() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop ,content-length,,b\u{e4}d"),
            ("connection", "x-other, host, transfer-encoding"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("upgrade", "h2c"),
            ("host", "a"),
            ("content-length", "2"),
            ("x-end", "1"),
        ] {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        strip_hops(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "x-end"]);
    }
}
