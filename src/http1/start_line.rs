//! What does the first line of a message say? Each part exactly as RFC 9112 §3 and §4 spell it:
//! nothing is trimmed, guessed or repaired.

use memchr::memchr;

use super::Violation;
use super::octets::{are_target, token_length};

/// The longest method; IANA's registry has none over 17.
const METHOD: usize = 32;
/// The longest target that the codec takes.
const TARGET: usize = u16::MAX as usize - 1;
/// ` HTTP/1.1`.
const VERSION: usize = 9;

/// What the version says of framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Old,
    Current,
}

/// How long a request line can be, in bytes, without its line end, where a target may have so many.
pub(super) fn longest_request_line(target: usize) -> usize {
    METHOD + 1 + target.min(TARGET) + VERSION
}

/// Reads `GET /path HTTP/1.1`, without its line end.
pub(super) fn read_request_line(line: &[u8], longest: usize) -> Result<Version, Violation> {
    let (method, rest) = line.split_at(token_length(line));
    let rest = match rest {
        [] => return Err(Violation::RequestLine),
        [b' ', rest @ ..] if (1..=METHOD).contains(&method.len()) => rest,
        _ => return Err(Violation::Method),
    };
    let Some((target, version)) = rest.split_last_chunk::<VERSION>() else {
        return Err(Violation::RequestLine);
    };
    let version = match version {
        b" HTTP/1.1" => Version::Current,
        b" HTTP/1.0" => Version::Old,
        _ if memchr(b' ', rest).is_none() => return Err(Violation::RequestLine),
        _ => return Err(Violation::Version),
    };
    if target.is_empty() || memchr(b' ', target).is_some() {
        return Err(Violation::RequestLine);
    }
    if target.len() > longest.min(TARGET) {
        return Err(Violation::TargetTooLong);
    }
    if !is_target(method, target) {
        return Err(Violation::Target);
    }
    Ok(version)
}

/// RFC 9112 §3.2. What is not in origin form is rare, and read by the codec's own reader.
fn is_target(method: &[u8], target: &[u8]) -> bool {
    if target[0] != b'/' {
        let is_form = target == b"*" || method == b"CONNECT" || has_scheme(target);
        return is_form && !target.contains(&b'#') && http::Uri::try_from(target).is_ok();
    }
    let (path, query) = match memchr(b'?', target) {
        Some(mark) => (&target[..mark], &target[mark + 1..]),
        None => (target, &[][..]),
    };
    are_target(path, query)
}

/// `pub/../a` and `?x` would be read as something that was not sent.
fn has_scheme(target: &[u8]) -> bool {
    let schemes = [&b"http://"[..], b"https://"];
    let mut schemes = schemes.iter();
    schemes.any(|scheme| {
        let start = target.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Reads `HTTP/1.1 200 OK`, without its line end. The reason may be left out, and its space too.
pub(super) fn read_status_line(line: &[u8]) -> Result<(Version, u16), Violation> {
    let (version, rest) = match line.split_first_chunk::<VERSION>() {
        Some((b"HTTP/1.1 ", rest)) => (Version::Current, rest),
        Some((b"HTTP/1.0 ", rest)) => (Version::Old, rest),
        _ => return Err(Violation::StatusLine),
    };
    let [
        first @ b'1'..=b'9',
        second @ b'0'..=b'9',
        third @ b'0'..=b'9',
        reason @ ..,
    ] = rest
    else {
        return Err(Violation::StatusLine);
    };
    let reason_is_apart = matches!(reason, [] | [b' ', ..]);
    if !reason_is_apart {
        return Err(Violation::StatusLine);
    }
    let status = [first, second, third]
        .into_iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Ok((version, status))
}
