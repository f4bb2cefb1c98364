//! Which byte may stand where? The classes of RFC 9110 §5.6.2 and §5.5, and of request targets, as
//! the codec above reads them: what passes here does not fail there.

/// RFC 9110 §5.6.2: a method, a field's name.
pub(super) fn is_token(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TOKEN != 0
}

/// RFC 9110 §5.5: a field's value, a reason phrase.
pub(super) fn is_text(byte: u8) -> bool {
    byte == b'\t' || !is_control(byte)
}

/// What stands in a request target before its `?`.
pub(super) fn is_path(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & PATH != 0
}

/// What stands in a request target behind its `?`.
pub(super) fn is_query(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & QUERY != 0
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
    let short = &bytes[..bytes.len().min(64)];
    let mut at = clean_blocks::<16>(short);
    if at == 64 {
        at += clean_blocks::<64>(&bytes[at..]);
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
    let (blocks, _) = bytes.as_chunks::<N>();
    let has_control = |block: &[u8; N]| {
        // No short cut: it would make this byte by byte.
        block
            .iter()
            .fold(false, |has, byte| has | (*byte < 0x20) | (*byte == 0x7f))
    };
    let clean = blocks.iter().position(has_control);
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
    let other = bytes.iter().position(|byte| !is_token(*byte));
    other.unwrap_or(bytes.len())
}

const TOKEN: u8 = 1;
const PATH: u8 = 2;
const QUERY: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let mut class = 0;
        if byte.is_ascii_alphanumeric() || is_mark(byte) {
            class |= TOKEN;
        }
        // `#` begins what is never sent. Beyond ASCII it must be UTF-8, which is looked at apart.
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
                assert_eq!(is_uri(&[b'/', byte]), is_path(byte), "{byte:#x}");
                assert_eq!(is_uri(&[b'/', b'?', byte]), is_query(byte), "{byte:#x}");
            }
        }
        assert!(is_query(b'?') && !is_path(b'?') && !is_path(b'#') && !is_query(b'#'));
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
