//! Which request is this? An id of our own, or a trusted proxy's.

use std::fmt::{self, Display, Write};
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
        self.0.to_str().unwrap_or_default()
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
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub fn new() -> Self {
        let (process, start) = uuid::Uuid::new_v4().as_u64_pair();
        Self {
            process,
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
        let mut id = String::with_capacity(32);
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        // Writing to a String cannot fail, nor are hex digits no header value.
        let _ = write!(id, "{:016x}{count:016x}", self.process);
        HeaderValue::try_from(id).map_or_else(|_| RequestId::none(), RequestId)
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
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
}
