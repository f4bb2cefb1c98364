//! Request lines that no parser takes, and what can be made of them: a target whose characters RFC 3986
//! has escaped is escaped as its sender should have done; of others is told what can be read.

use bytes::{BufMut, BytesMut};
use memchr::{memchr, memmem};

/// Of a target that is told, so many bytes at most.
const TOLD: usize = 200;

/// The head, or its beginning, with the target escaped: quotation marks as in `$search="a"`, `<`, `>`,
/// backticks, and what is not ASCII. `None` where there is nothing of that in its path and query.
pub fn respelled(head: &[u8]) -> Option<BytesMut> {
    let (_, line) = first_line(head);
    let start = head.len() - line.len();
    let end = memmem::find(line, b"\r\n")?;
    let target = memchr(b' ', &line[..end])? + 1;
    let behind = end.checked_sub(b" HTTP/1.1".len())?;
    let written = line.get(target..behind)?;
    if written.first() != Some(&b'/') || written.iter().copied().all(stays) {
        return None;
    }
    let mut respelled = BytesMut::with_capacity(head.len() + 64);
    respelled.put_slice(&head[..start + target]);
    for byte in written {
        match stays(*byte) {
            true => respelled.put_u8(*byte),
            false => {
                const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
                let digit = |value: u8| DIGITS[usize::from(value)];
                respelled.put_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    respelled.put_slice(&line[behind..]);
    Some(respelled)
}

/// The method and a cut of the target, as far as they can be read; never a query.
pub fn told(head: &[u8]) -> (&[u8], &[u8]) {
    let (_, line) = first_line(head);
    let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let mut words = line.unwrap_or_default().splitn(2, |byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let path = target
        .split(|byte| matches!(byte, b'?' | b'#' | b' '))
        .next();
    let path = path.unwrap_or_default();
    (method, &path[..path.len().min(TOLD)])
}

/// What stands before the first line, and all from there on.
fn first_line(head: &[u8]) -> (&[u8], &[u8]) {
    let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    head.split_at(head.iter().take_while(is_end).count())
}

fn stays(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'"' | b'<' | b'>' | b'`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rfc_3986_has_escaped_is_escaped() {
        for (head, expected) in [
            (
                &b"GET /m?$search=\"Mary\" HTTP/1.1\r\nHost: a\r\n\r\n"[..],
                Some("GET /m?$search=%22Mary%22 HTTP/1.1\r\nHost: a\r\n\r\n"),
            ),
            (
                b"\r\nGET /<a>`?b<>` HTTP/1.0\r\nHost: \"",
                Some("\r\nGET /%3Ca%3E%60?b%3C%3E%60 HTTP/1.0\r\nHost: \""),
            ),
            (
                b"GET /caf\xe9?q=\xc3\xa9 HTTP/1.1\r\n",
                Some("GET /caf%E9?q=%C3%A9 HTTP/1.1\r\n"),
            ),
            (b"GET /a#b HTTP/1.1\r\n", None),
            (b"GET /a HTTP/1.1\r\nX: \"\r\n", None),
            (b"GET \"/a HTTP/1.1\r\n", None),
            (b"GET /\"", None),
            (b"\"\r\n", None),
            (b"", None),
        ] {
            let respelled = respelled(head);
            assert_eq!(
                respelled.as_deref(),
                expected.map(str::as_bytes),
                "{}",
                head.escape_ascii()
            );
        }
    }

    #[test]
    fn what_can_be_read_is_told_without_a_query() {
        for (head, method, path) in [
            (&b"GET /a/b?secret HTTP/1.1\r\nX: y\r\n"[..], "GET", "/a/b"),
            (b"\r\nGET /a b HTTP/1.1\r\n", "GET", "/a"),
            (b"GET", "GET", ""),
            (b"", "", ""),
            (b"G\x01T /a#x", "G\x01T", "/a"),
        ] {
            assert_eq!(told(head), (method.as_bytes(), path.as_bytes()));
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(4000));
        assert_eq!(told(long.as_bytes()).1.len(), TOLD);
    }
}
