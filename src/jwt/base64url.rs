//! What do three parts of base64url say? Strict and without padding (RFC 7515 §2): one token, one
//! text. By hand, because every token that was never seen is decoded, and what it costs grows with
//! whatever a stranger sends.

/// Of the characters of a quad, which bits of its 24 are meant; in a byte of its own, whether one is
/// no character of the alphabet.
type Table = [u32; 256];

const NONE: u32 = 1 << 24;
static FIRST: Table = table(18);
static SECOND: Table = table(12);
static THIRD: Table = table(6);
static FOURTH: Table = table(0);

/// `None` for what is not base64url without padding, its last unused bits zero.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (quads, rest) = text.as_chunks::<4>();
    let mut bytes = vec![0; quads.len() * 3 + rest.len().saturating_sub(1)];
    let (triples, last) = bytes.as_chunks_mut::<3>();
    let mut seen = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        // Spelled out: `map` would not be unrolled, and cost as much as all the rest.
        let [first, second, third, fourth] = *quad;
        let bits = FIRST[usize::from(first)]
            | SECOND[usize::from(second)]
            | THIRD[usize::from(third)]
            | FOURTH[usize::from(fourth)];
        seen |= bits;
        let [_, high, middle, low] = bits.to_be_bytes();
        *triple = [high, middle, low];
    }
    let [first, second, third] = std::array::from_fn(|place| rest.get(place).copied());
    let at =
        |table: &Table, character: Option<u8>| character.map_or(0, |it| table[usize::from(it)]);
    let bits = at(&FIRST, first) | at(&SECOND, second) | at(&THIRD, third);
    let [invalid, high, middle, low] = (seen & NONE | bits).to_be_bytes();
    let unused = match rest.len() {
        0 => 0,
        2 => middle | low,
        3 => low,
        // Six bits are no byte.
        _ => return None,
    };
    for (byte, bits) in last.iter_mut().zip([high, middle]) {
        *byte = bits;
    }
    (invalid == 0 && unused == 0).then_some(bytes)
}

const fn table(shift: u32) -> Table {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut table = [NONE; 256];
    let mut place = 0;
    while place < alphabet.len() {
        table[alphabet[place] as usize] = (place as u32) << shift;
        place += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_is_read_as_the_library_reads_it_wherever_it_stands() {
        for length in 0..10 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'A'; length];
                    text[place] = byte;
                    assert_eq!(
                        decode(&text),
                        URL_SAFE_NO_PAD.decode(&text).ok(),
                        "{text:?}"
                    );
                }
            }
        }
        assert_eq!(decode(b""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(URL_SAFE_NO_PAD.encode(&bytes).as_bytes()), Some(bytes));
        }

        #[test]
        fn any_text_is_read_as_the_library_reads_it(text in "[A-Za-z0-9_-]{0,40}[ -~]{0,3}") {
            let text = text.as_bytes();
            prop_assert_eq!(decode(text), URL_SAFE_NO_PAD.decode(text).ok());
        }
    }
}
