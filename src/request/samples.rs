//! A head, random raw paths and their plainest reading, for the tests of those who read requests.

use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

use super::{CanonicalPath, Head, Host, Peer};

/// A GET of this target at `api.example.com`, by the listener `apis`, from this machine.
pub(crate) fn head(target: &str) -> Head {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    Head {
        listener: "apis".into(),
        method: Method::GET,
        is_overridden: false,
        host: Host::of(&HeaderValue::from_static("api.example.com")),
        path: CanonicalPath::received(path, query).unwrap(),
        peer: Peer::of([127, 0, 0, 1].into(), &HeaderMap::new(), &[]),
    }
}

/// Pieces that a path is attacked with, joined at random.
pub(crate) fn raw_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("/".to_owned()),
        4 => "[a-c]{1,2}",
        2 => "%[2-7][0-9a-fA-F]",
        1 => "%[0-9a-f]{2}",
        1 => ".",
        2 => prop::sample::select(vec![
            ".", "..", "%2e", "%2E", "%2f", "%5c", "%00", "%", "%2", "%252e", "%C3%A9", "%c3",
            "é", " ", ";", "#", "\\", "{", "}", "*", "**", "+", "@", "$", "%24", "'",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// RFC 3986 §2.1 read as plainly as can be: segments are split first and decoded then.
pub(crate) fn plainly_decoded(raw: &str) -> Vec<Vec<u8>> {
    let decode = |segment: &str| {
        let bytes = segment.as_bytes();
        let (mut decoded, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            if bytes[at] == b'%' {
                let digits = std::str::from_utf8(&bytes[at + 1..at + 3]).unwrap();
                decoded.push(u8::from_str_radix(digits, 16).unwrap());
                at += 3;
            } else {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
        decoded
    };
    raw[1..].split('/').map(decode).collect()
}
