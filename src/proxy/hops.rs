//! What an upstream says of its connection to us is not said to the caller (RFC 9110 §7.6.1).
//! Pingora does so for requests only.

use http::{HeaderName, StatusCode, header};
use pingora::http::ResponseHeader;

use crate::request::header_names::OF_ONE_HOP;

/// What tells where the message ends is not the upstream's to take away.
const FRAMING: &[HeaderName] = &[header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// Takes them off; a 101 needs what it has.
pub(super) fn strip(head: &mut ResponseHeader) {
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
    let named: Vec<HeaderName> = head
        .headers
        .get_all(header::CONNECTION)
        .iter()
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
        strip(&mut head);
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
