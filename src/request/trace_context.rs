//! Which trace does a request say that it belongs to? W3C Trace Context, level 1, read strictly: what is
//! malformed, or said twice, is not there.

use http::{HeaderMap, HeaderName};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LENGTH: usize = 55;
/// §3.3.1.1 of it: members of a `tracestate`.
const MOST_MEMBERS: usize = 32;
/// Of a key and of a value, in bytes.
const LONGEST: usize = 256;

/// Of the span that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    /// Whoever asks may have recorded it.
    pub is_sampled: bool,
}

impl TraceParent {
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(TRACEPARENT).iter();
        let field = fields.next()?;
        if fields.next().is_some() {
            return None;
        }
        Self::parse(field.as_bytes())
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (known, more) = text.split_at_checked(LENGTH)?;
        let [version] = digits(known.get(..2)?)?;
        // §3.2.4: of a later version, what there is of this one.
        let is_whole = match version {
            0 => more.is_empty(),
            0xff => false,
            _ => more.is_empty() || more[0] == b'-',
        };
        let dashes = [2, 35, 52].iter().all(|place| known[*place] == b'-');
        let trace = digits(known.get(3..35)?)?;
        let span = digits(known.get(36..52)?)?;
        let [flags] = digits(known.get(53..)?)?;
        let named = trace != [0; 16] && span != [0; 8];
        (is_whole && dashes && named).then_some(Self {
            trace,
            span,
            is_sampled: flags & 1 == 1,
        })
    }
}

/// Whether what vendors say of the trace can be passed on: all of it or nothing.
pub fn is_sound_tracestate(headers: &HeaderMap) -> bool {
    let mut keys: Vec<&str> = Vec::new();
    for field in headers.get_all(TRACESTATE) {
        let Ok(text) = field.to_str() else {
            return false;
        };
        let members = text.split(',').map(|it| it.trim_matches([' ', '\t']));
        for member in members.filter(|member| !member.is_empty()) {
            let Some((key, value)) = member.split_once('=') else {
                return false;
            };
            let is_sound = is_key(key) && is_value(value) && !keys.contains(&key);
            if !is_sound || keys.len() == MOST_MEMBERS {
                return false;
            }
            keys.push(key);
        }
    }
    true
}

fn is_key(key: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain = |byte: u8| first(&byte) || b"_-*/@".contains(&byte);
    key.len() <= LONGEST && key.as_bytes().first().is_some_and(first) && key.bytes().all(plain)
}

fn is_value(value: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    (1..=LONGEST).contains(&value.len()) && value.bytes().all(plain)
}

/// Bytes of lower-case hexadecimal digits; capitals are none (§3.2.2).
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "trace_context_tests.rs"]
mod tests;
