//! What is seen in blocks of fields, written in each of the forms that HPACK has.

use super::*;

const NOTHING: Held = Held {
    fragment: false,
    pseudo: false,
};
const PSEUDO: Held = Held {
    fragment: false,
    pseudo: true,
};
const BOTH: Held = Held {
    fragment: true,
    pseudo: true,
};

/// A literal: its first octets, and strings as they are.
fn literal(first: &[u8], strings: &[&[u8]]) -> Vec<u8> {
    let mut block = first.to_vec();
    for string in strings {
        block.push(u8::try_from(string.len()).unwrap());
        block.extend_from_slice(string);
    }
    block
}

#[test]
fn a_fragment_is_seen_in_every_form_of_a_path() {
    // `/x/a#f` and `/x/a` by the code of Appendix B.
    const CUT: &[u8] = &[0x63, 0xcb, 0x03, 0xff, 0xa9, 0x7f];
    const PLAIN: &[u8] = &[0x63, 0xcb, 0x03];
    let compressed = |first: &[u8], name: Option<&[u8]>, value: &[u8]| {
        let mut block = first.to_vec();
        for string in name.into_iter().chain([value]) {
            block.push(0x80 | u8::try_from(string.len()).unwrap());
            block.extend_from_slice(string);
        }
        block
    };
    let path = &[0xb9, 0x58, 0xd3, 0x3f][..];
    let hidden = [&[b'/'; 200][..], b"#"].concat();
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<u8>, Held)> = vec![
        ("nothing", vec![], NOTHING),
        ("a path of the static table", vec![0x84, 0x85], PSEUDO),
        ("a method", vec![0x82], PSEUDO),
        ("a status", vec![0x8e], PSEUDO),
        ("the first that is none", vec![0x8f], NOTHING),
        ("kept", literal(&[0x44], &[b"/x#f"]), BOTH),
        ("not kept", literal(&[0x04], &[b"/x#f"]), BOTH),
        ("never kept", literal(&[0x14], &[b"#"]), BOTH),
        ("by the other entry", literal(&[0x05], &[b"/#"]), BOTH),
        ("with its name", literal(&[0x40], &[b":path", b"/x#f"]), BOTH),
        ("without one", literal(&[0x40], &[b":path", b"/x?y"]), PSEUDO),
        ("in another field", literal(&[0x40], &[b"x", b"/x#f"]), NOTHING),
        ("in another pseudo-header", literal(&[0x41], &[b"a#b"]), PSEUDO),
        ("an unknown pseudo-header", literal(&[0x00], &[b":x", b"#"]), PSEUDO),
        ("compressed", compressed(&[0x44], None, CUT), BOTH),
        ("compressed, without one", compressed(&[0x44], None, PLAIN), PSEUDO),
        ("compressed with its name", compressed(&[0x40], Some(path), CUT), BOTH),
        ("behind a new size", [&[0x3f, 0xe1, 0x1f][..], &literal(&[0x44], &[b"#"])].concat(), BOTH),
        ("of more than 127 bytes", [&[0x44, 0x7f, 74][..], &hidden].concat(), BOTH),
    ];
    for (what, block, held) in rows {
        assert_eq!(Fields::new().read(&block), Some(held), "{what}");
        for cut in 1..block.len() {
            // It may end anywhere.
            let _ = Fields::new().read(&block[..cut]);
        }
    }
}

#[test]
fn what_was_said_before_is_remembered_by_its_place() {
    let mut fields = Fields::new();
    let mut said = literal(&[0x44], &[b"/a#b"]);
    said.extend(literal(&[0x40], &[b"x", b"1"]));
    said.extend(literal(&[0x41], &[b"a.example"]));
    assert_eq!(fields.read(&said), Some(BOTH));
    // The newest is 62.
    for (index, held) in [(62, PSEUDO), (63, NOTHING), (64, BOTH), (65, NOTHING)] {
        assert_eq!(fields.read(&[0x80 | index]), Some(held), "{index}");
    }
    // By its name, with another value: not kept, and then kept.
    let again = |first: &[u8], value: &[u8]| literal(first, &[value]);
    assert_eq!(fields.read(&again(&[0x0f, 64 - 15], b"/c")), Some(PSEUDO));
    assert_eq!(fields.read(&again(&[0x0f, 64 - 15], b"/#")), Some(BOTH));
    assert_eq!(fields.read(&again(&[0x7f, 64 - 63], b"/#")), Some(BOTH));
    assert_eq!(fields.read(&[0x80 | 62]), Some(BOTH));
    assert_eq!(fields.read(&[0x80 | 65]), Some(BOTH));
    // After as many as the table holds, no place is older.
    for _ in 0..ENTRIES {
        fields.read(&literal(&[0x40], &[b"x", b"1"])).unwrap();
    }
    assert_eq!(fields.read(&[0xff, 189 - 127]), Some(NOTHING));
}

#[test]
fn what_no_codec_can_read_is_not_read() {
    for block in [
        &[0x80][..],
        &[0xff, 190 - 127],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[0x44, 5, b'/'],
        &[0x40, 1],
        &[0x0f, 190 - 15, 0],
        &[0x3f],
    ] {
        assert_eq!(Fields::new().read(block), None, "{block:x?}");
    }
}

/// All codes of one length are read as such, and the longest end where they should.
#[test]
fn codes_end_where_they_should() {
    assert_eq!(CODES.iter().map(|(_, count)| count).sum::<u32>(), 257);
    let (mut next, mut before) = (0_u64, 0);
    for (length, count) in CODES {
        next <<= length - before;
        before = length;
        for _ in 0..count {
            let code = u32::try_from(next).unwrap();
            assert_eq!(first_code(next, length), Some((length, code)));
            assert_eq!(first_code(next >> 1, length - 1), None);
            next += 1;
        }
    }
    assert_eq!(next, 1 << before, "no bits are left without a code");
    // `#` between two of the longest.
    let bits = 0x3fff_fffc_u128 << 42 | 0xffa << 30 | 0x3fff_fffd;
    let whole = ((bits << 56) | ((1 << 56) - 1)).to_be_bytes();
    assert!(has_hash((&whole, true)));
}
