//! Which request is this? An id of our own, or a trusted proxy's.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;

/// The header that carries the id, both ways.
pub(super) const HEADER: &str = "x-request-id";

/// Makes ids that are unique across processes and cheap within one.
#[derive(Debug)]
pub(super) struct RequestIds {
    process: String,
    next: AtomicU64,
}

impl RequestIds {
    /// A source whose ids no other process makes.
    pub(super) fn new() -> Self {
        let (process, start) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            process: format!("{process:016x}"),
            next: AtomicU64::new(start & 0xffff_ffff),
        }
    }

    /// The id of a request: a trusted proxy's where it is sane, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap, trusted: bool) -> Box<str> {
        if trusted
            && let Some(theirs) = headers.get(HEADER).and_then(|value| sane(value.as_bytes()))
        {
            return theirs.into();
        }
        let mut id = String::with_capacity(32);
        id.push_str(&self.process);
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        // Writing to a String cannot fail.
        let _ = write!(id, "{count:016x}");
        id.into_boxed_str()
    }
}

fn sane(bytes: &[u8]) -> Option<&str> {
    let fits = (8..=128).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    if fits {
        std::str::from_utf8(bytes).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxys_sane_id_is_taken_over() {
        let ids = RequestIds::new();
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, "edge-12345678".parse().unwrap());
        assert_eq!(&*ids.of(&headers, true), "edge-12345678");
        assert_ne!(&*ids.of(&headers, false), "edge-12345678");
        for forged in ["short", "has space in it", "a\"},{\"b:12345678"] {
            headers.insert(HEADER, forged.parse().unwrap());
            assert_ne!(&*ids.of(&headers, true), forged);
        }
        assert_ne!(ids.of(&headers, false), ids.of(&headers, false));
    }
}
