//! Which byte may stand where? The classes of RFC 9110 §5.6.2 and §5.5, and of request targets, as
//! the codec above reads them: what passes here does not fail there.

/// RFC 9110 §5.6.2: a method, a field's name.
pub(super) fn is_token(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TOKEN != 0
}

/// RFC 9110 §5.5: a field's value, a reason phrase, a chunk's extension.
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

/// How many control characters there are. Written for the compiler to take many bytes at a time.
pub(super) fn controls(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut count = rest.iter().filter(|byte| is_control(**byte)).count();
    // No sum is over 255.
    for blocks in blocks.chunks(255) {
        let mut sums = [0_u8; 32];
        for block in blocks {
            for (sum, byte) in sums.iter_mut().zip(block) {
                *sum += u8::from(is_control(*byte));
            }
        }
        count += sums.iter().map(|sum| usize::from(*sum)).sum::<usize>();
    }
    count
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
    fn controls_are_counted_wherever_they_stand() {
        for length in [0, 1, 31, 32, 33, 64, 9000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            let plainly = bytes.iter().filter(|byte| byte.is_ascii_control()).count();
            assert_eq!(controls(&bytes), plainly, "{length}");
            assert_eq!(controls(&vec![0; length]), length);
        }
    }
}
