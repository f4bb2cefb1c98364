//! What do percent-escapes hold for those who decode more often than they should?

use std::borrow::Cow;

/// How many times an upstream may be thought to decode. What needs more is taken for an attack.
pub const MOST_DECODINGS: usize = 8;

/// The text decoded until nothing changes; `None` where that takes suspiciously long.
pub fn decoded_fully(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut current = Cow::Borrowed(text);
    for _ in 0..=MOST_DECODINGS {
        match decoded_once(&current) {
            None => return Some(current),
            Some(next) => current = Cow::Owned(next),
        }
    }
    None
}

/// `None` where nothing is escaped. `%uXXXX` is IIS's.
pub fn decoded_once(text: &[u8]) -> Option<Vec<u8>> {
    let first = memchr::memchr(b'%', text)?;
    let (plain, mut rest) = text.split_at(first);
    let mut decoded = plain.to_vec();
    let mut changed = false;
    while let [byte, after @ ..] = rest {
        rest = after;
        let wide = match after {
            [b'u' | b'U', digits @ ..] => number(digits, 4),
            _ => None,
        };
        match (byte, wide, number(after, 2)) {
            (b'%', Some(letter), _) => {
                let letter = char::from_u32(letter).unwrap_or(char::REPLACEMENT_CHARACTER);
                decoded.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &after[5..];
                changed = true;
            }
            (b'%', None, Some(byte)) => {
                decoded.push(byte.to_le_bytes()[0]);
                rest = &after[2..];
                changed = true;
            }
            (byte, ..) => decoded.push(*byte),
        }
    }
    changed.then_some(decoded)
}

/// The hexadecimal digits at the start.
fn number(bytes: &[u8], digits: usize) -> Option<u32> {
    let digits = bytes.get(..digits)?.iter();
    let mut digits = digits.map(|digit| char::from(*digit).to_digit(16));
    digits.try_fold(0, |sum, digit| Some(sum * 16 + digit?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_within_escapes_are_found() {
        for (text, expected) in [
            ("a", Some("a")),
            ("%41", Some("A")),
            ("%2541", Some("A")),
            ("%25u0041%u00e9", Some("Aé")),
            ("100%", Some("100%")),
            ("%u12", Some("%u12")),
            ("%%34%31", Some("A")),
            ("%2525252525252541", Some("A")),
            ("%252525252525252525252541", None),
        ] {
            let decoded = decoded_fully(text.as_bytes());
            assert_eq!(decoded.as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    proptest! {
        #[test]
        fn decoding_comes_to_an_end(text in "[%u0-9a-f]{0,40}") {
            if let Some(decoded) = decoded_fully(text.as_bytes()) {
                prop_assert_eq!(decoded_once(&decoded), None);
            }
        }
    }
}
