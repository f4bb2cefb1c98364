//! Which byte may stand where? The classes of RFC 9110 §5.6.2 and §5.5, and of request targets, as
//! the codec above reads them: what passes here does not fail there.

use memchr::memchr;

/// RFC 9110 §5.6.2: a method, a field's name.
pub(super) fn is_token(byte: u8) -> bool {
    class(byte) & TOKEN != 0
}

/// RFC 9110 §5.5: a field's value, a reason phrase.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || !is_control(byte)
}

/// Whether a request target may have this before its `?`, and that behind it. Beyond ASCII it must
/// be UTF-8, too.
pub(super) fn are_target(path: &[u8], query: &[u8]) -> bool {
    // No short cut: it would cost more than it saves.
    let classes = |bytes: &[u8]| {
        let all = bytes.iter().copied().map(class);
        all.fold(u8::MAX, |all, class| all & class)
    };
    let (path_is, query_is) = (classes(path), classes(query));
    let is_utf8 = |bytes| std::str::from_utf8(bytes).is_ok();
    (path_is & PATH != 0 && query_is & QUERY != 0)
        && (path_is & ASCII != 0 || is_utf8(path))
        && (query_is & ASCII != 0 || is_utf8(query))
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

const fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// Where the first control character stands. Nearly every byte of a head goes through here: it is
/// written for the compiler to take many at a time.
pub(super) fn find_control(bytes: &[u8]) -> Option<usize> {
    // Most lines are short; tokens and cookies are long.
    const SHORT: usize = 64;
    let mut at = clean_blocks::<16>(&bytes[..bytes.len().min(SHORT)]);
    if at == SHORT {
        let long = below_blank::<128>(&bytes[at..]);
        at += memchr(0x7f, &bytes[at..at + long]).unwrap_or(long);
        at += clean_blocks::<16>(&bytes[at..]);
    }
    while let Some(word) = bytes[at..].first_chunk() {
        let found = controls(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|byte| is_control(*byte));
    rest.map(|rest| at + rest)
}

/// How many bytes are in the blocks before the first with a control character.
fn clean_blocks<const N: usize>(bytes: &[u8]) -> usize {
    let has_control = |block: &[u8; N]| {
        // No short cut: it would make this byte by byte.
        let controls = block.iter().map(|byte| (*byte < 0x20) | (*byte == 0x7f));
        controls.fold(false, |has, control| has | control)
    };
    let (blocks, _) = bytes.as_chunks::<N>();
    let clean = blocks.iter().position(has_control);
    clean.unwrap_or(blocks.len()) * N
}

/// The same, but for DEL, which it does not see.
fn below_blank<const N: usize>(bytes: &[u8]) -> usize {
    let least = |block: &[u8; N]| block.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    let (blocks, _) = bytes.as_chunks::<N>();
    let clean = blocks.iter().position(|block| least(block) < 0x20);
    clean.unwrap_or(blocks.len()) * N
}

/// The highest bit of the first byte in the word, from the lowest on, that is a control character;
/// what stands above it means nothing.
const fn controls(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let below_blank = word.wrapping_sub(ONES * 0x20) & !word;
    let not_delete = word ^ (ONES * 0x7f);
    let delete = not_delete.wrapping_sub(ONES) & !not_delete;
    (below_blank | delete) & (ONES * 0x80)
}

/// How many bytes from the first on are `is_token`.
pub(super) fn token_length(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<4>();
    let mut clean = blocks.iter().take_while(|[first, second, third, fourth]| {
        class(*first) & class(*second) & class(*third) & class(*fourth) & TOKEN != 0
    });
    let mut at = 0;
    while clean.next().is_some() {
        at += 4;
    }
    while bytes.get(at).is_some_and(|byte| is_token(*byte)) {
        at += 1;
    }
    at
}

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

const TOKEN: u8 = 1;
const PATH: u8 = 2;
const QUERY: u8 = 4;
const ASCII: u8 = 8;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = if byte.is_ascii() { ASCII } else { 0 };
        if byte.is_ascii_alphanumeric() || is_mark(byte) {
            class |= TOKEN;
        }
        // `#` begins what is never sent.
        if byte > 0x20 && byte != 0x7f && !matches!(byte, b'#' | b'<' | b'>') {
            if !matches!(byte, b'`' | b'?') {
                class |= PATH;
            }
            if byte != b'"' {
                class |= QUERY;
            }
        }
        classes[byte as usize] = class;
        if byte == u8::MAX {
            return classes;
        }
        byte += 1;
    }
}

const fn is_mark(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, Method, Uri};

    use super::*;

    #[test]
    fn each_byte_is_read_as_the_codec_reads_it() {
        for byte in 0..=u8::MAX {
            let token = is_token(byte);
            assert_eq!(HeaderName::from_bytes(&[byte]).is_ok(), token, "{byte:#x}");
            assert_eq!(Method::from_bytes(&[byte]).is_ok(), token, "{byte:#x}");
            let text = is_text(byte);
            assert_eq!(HeaderValue::from_bytes(&[byte]).is_ok(), text, "{byte:#x}");
            // A `#` is cut off by the codec: one reader more, one character less.
            if byte < 0x80 && byte != b'#' && byte != b'?' {
                let is_uri = |uri: &[u8]| Uri::try_from(uri).is_ok();
                let (path, query) = (are_target(&[byte], b""), are_target(b"", &[byte]));
                assert_eq!(is_uri(&[b'/', byte]), path, "{byte:#x}");
                assert_eq!(is_uri(&[b'/', b'?', byte]), query, "{byte:#x}");
            }
        }
        for (path, query, expected) in [
            (&b"#"[..], &b""[..], false),
            (b"", b"#", false),
            (b"?", b"", false),
            (b"", b"?", true),
            (b"\xc3\xa9", b"\xc3\xa9", true),
            (b"\xc3", b"\xa9", false),
            (b"", b"\xff", false),
        ] {
            assert_eq!(are_target(path, query), expected, "{path:x?} {query:x?}");
        }
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in [1, 7, 8, 15, 16, 17, 33, 63, 64, 65, 79, 130, 200] {
            for at in 0..length {
                let with = |byte| {
                    let mut bytes = vec![b'-'; length];
                    bytes[at] = byte;
                    bytes
                };
                for byte in 0..=u8::MAX {
                    let control = byte.is_ascii_control().then_some(at);
                    assert_eq!(find_control(&with(byte)), control, "{byte:#x} at {at}");
                    let tokens = if is_token(byte) { length } else { at };
                    assert_eq!(token_length(&with(byte)), tokens, "{byte:#x} at {at}");
                }
            }
        }
        assert_eq!((find_control(b""), token_length(b"")), (None, 0));
    }
}
