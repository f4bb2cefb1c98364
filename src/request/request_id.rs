//! Which request is this? An id of our own, or a trusted proxy's.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderValue};

use super::header_names::X_REQUEST_ID;

/// A request's id, ready to be sent both ways: made once, and never copied again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Of a request that has not come yet.
    pub const fn none() -> Self {
        Self(HeaderValue::from_static(""))
    }

    pub fn as_str(&self) -> &str {
        // INVARIANT: it is made of letters, digits and `-_.` only.
        std::str::from_utf8(self.0.as_bytes()).unwrap_or_default()
    }

    pub fn header(&self) -> &HeaderValue {
        &self.0
    }
}

impl Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Makes ids that no other process makes, cheaply.
#[derive(Debug)]
pub struct RequestIds {
    /// The first half of each id.
    process: [u8; 16],
    next: AtomicU64,
}

impl RequestIds {
    pub fn new() -> Self {
        let (process, start) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            process: hex(process),
            next: AtomicU64::new(start & 0xffff_ffff),
        }
    }

    /// The id of a request: a trusted proxy's where it is sane, else a new one.
    pub fn of(&self, headers: &HeaderMap, trusted: bool) -> RequestId {
        if trusted
            && let Some(theirs) = headers.get(X_REQUEST_ID)
            && is_sane(theirs.as_bytes())
        {
            return RequestId(theirs.clone());
        }
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let id = [self.process, hex(count)];
        // Hex digits are always a header value.
        HeaderValue::from_bytes(id.as_flattened()).map_or_else(|_| RequestId::none(), RequestId)
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

/// All sixteen digits.
fn hex(number: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        let nibble = (number >> (4 * place)) & 0xf;
        *digit = b"0123456789abcdef"[nibble as usize];
    }
    digits
}

fn is_sane(id: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (8..=128).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxys_sane_id_is_taken_over() {
        let ids = RequestIds::new();
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, "edge-12345678".parse().unwrap());
        assert_eq!(ids.of(&headers, true).as_str(), "edge-12345678");
        assert_ne!(ids.of(&headers, false).as_str(), "edge-12345678");
        for forged in ["short", "has space in it", "a\"},{\"b:12345678"] {
            headers.insert(X_REQUEST_ID, forged.parse().unwrap());
            assert_ne!(ids.of(&headers, true).as_str(), forged);
        }
        assert_ne!(ids.of(&headers, false), ids.of(&headers, false));
        assert_eq!(ids.of(&headers, false).as_str().len(), 32);
    }

    #[test]
    fn an_id_is_the_process_and_a_count() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(hex(number), *format!("{number:016x}").as_bytes());
        }
        let ids = RequestIds::new();
        let [one, next] = [(), ()].map(|()| ids.of(&HeaderMap::new(), false));
        assert_eq!(one.as_str()[..16], next.as_str()[..16]);
        let count = |id: &RequestId| u64::from_str_radix(&id.as_str()[16..], 16).unwrap();
        assert_eq!(count(&one) + 1, count(&next));
    }
}
