//! Attacks on the canonical form, and what must hold of it whatever comes.

use proptest::prelude::*;

use super::*;
use crate::request::samples::{plainly_decoded, raw_path};

fn canonical(raw: &str) -> String {
    CanonicalPath::parse(raw)
        .unwrap_or_else(|why| panic!("{raw:?} is refused: {why}"))
        .as_str()
        .to_owned()
}

#[test]
fn what_two_parsers_read_in_two_ways_is_refused() {
    use PathError::*;
    let attacks: &[(&str, PathError)] = &[
        ("", NotAbsolute),
        ("*", NotAbsolute),
        ("a", NotAbsolute),
        ("%2Fa", NotAbsolute),
        ("http://h/p", NotAbsolute),
        ("example.com:443", NotAbsolute),
        ("/.", DotSegment),
        ("/..", DotSegment),
        ("/./a", DotSegment),
        ("/a/..", DotSegment),
        ("/a/../b", DotSegment),
        ("/a/./b", DotSegment),
        ("/public/../admin", DotSegment),
        ("/%2e", DotSegment),
        ("/%2E%2e/a", DotSegment),
        ("/.%2e/a", DotSegment),
        ("/a/%2e./", DotSegment),
        ("/a/%2e", DotSegment),
        ("/a/..%20/b", DotSegment),
        ("/a/.%20%20", DotSegment),
        ("/%252e%252E", DotSegment),
        ("/a/%252e%252e/b", DotSegment),
        ("/a/%252E%252E%252Fbad", DotSegment),
        ("/a%252F..%252Fbad", DotSegment),
        ("/a/%25252e%25252e", DotSegment),
        ("/a/.%252e%252f", DotSegment),
        ("/a/..%3Bx/b", DotSegment),
        ("/a/..%253b/b", DotSegment),
        ("/a/.;x=1/b", DotSegment),
        ("/a/..%20;x/b", DotSegment),
        ("/a%2F..;x/b", DotSegment),
        ("/a/%25u002e%25u002e", DotSegment),
        ("/a/%252e%2520/b", DotSegment),
        ("/a%255Cb", EscapedSeparator),
        ("/a/..%255cb", EscapedSeparator),
        ("/a%25255cb", EscapedSeparator),
        ("/a%2500", EscapedSeparator),
        ("/a%250d%250aHost:x", EscapedSeparator),
        ("/a%25C0%25AE%25C0%25AE/b", NotUtf8),
        ("/%25252525252525252541", EscapedTooOften),
        ("//", EmptySegment),
        ("//a", EmptySegment),
        ("/a//b", EmptySegment),
        ("/a//", EmptySegment),
        ("///", EmptySegment),
        ("//evil.example/a", EmptySegment),
        ("/a%2Fb", EscapedSlash),
        ("/a%2fb", EscapedSlash),
        ("/..%2fadmin", DotSegment),
        ("/a%5Cb", EscapedSeparator),
        ("/..%5c..%5cadmin", EscapedSeparator),
        ("/a%00", EscapedSeparator),
        ("/a%00.json", EscapedSeparator),
        ("/a\\b", AmbiguousCharacter),
        ("/..\\admin", AmbiguousCharacter),
        ("/a;b", Parameter),
        ("/a;jsessionid=1/b", Parameter),
        ("/..;/admin", DotSegment),
        ("/a#b", AmbiguousCharacter),
        ("/admin#/../public", AmbiguousCharacter),
        ("/a?b", AmbiguousCharacter),
        ("/a\0b", AmbiguousCharacter),
        ("/a\r\nHost: x", AmbiguousCharacter),
        ("/a\tb", AmbiguousCharacter),
        ("/a\x7f", AmbiguousCharacter),
        ("/a%0ab", AmbiguousCharacter),
        ("/a%0D%0Ab", AmbiguousCharacter),
        ("/a%09", AmbiguousCharacter),
        ("/a%1F", AmbiguousCharacter),
        ("/a%7f", AmbiguousCharacter),
        ("/%", MalformedEscape),
        ("/a%", MalformedEscape),
        ("/a%2", MalformedEscape),
        ("/a%2/b", MalformedEscape),
        ("/a%zz", MalformedEscape),
        ("/a%u002f", MalformedEscape),
        ("/a%+1", MalformedEscape),
        ("/a% 1", MalformedEscape),
        ("/%%32%65", MalformedEscape),
        ("/a%é", MalformedEscape),
        ("/%ff", NotUtf8),
        ("/%C0%AF", NotUtf8),
        ("/%c0%ae%c0%ae/a", NotUtf8),
        ("/%E0%80%AF", NotUtf8),
        ("/%C3", NotUtf8),
        ("/%C3/%A9", NotUtf8),
        ("/%C3é", NotUtf8),
        ("/%ED%A0%80", NotUtf8),
        ("/%F4%90%80%80", NotUtf8),
    ];
    for (raw, why) in attacks {
        assert_eq!(CanonicalPath::parse(raw).err(), Some(*why), "{raw:?}");
    }
}

#[test]
fn equal_spellings_become_one() {
    let spellings: &[(&str, &str)] = &[
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/calc/v1/add/1/1", "/calc/v1/add/1/1"),
        ("/%61%62", "/ab"),
        ("/%7Eme", "/~me"),
        ("/a%2db%5Fc%2E", "/a-b_c."),
        ("/%e4%bd%a0", "/%E4%BD%A0"),
        ("/%c3%A9", "/%C3%A9"),
        ("/é", "/%C3%A9"),
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/<\">{|}^`[]", "/%3C%22%3E%7B%7C%7D%5E%60%5B%5D"),
        ("/a%3bb", "/a%3Bb"),
        ("/a%23EXT%23", "/a%23EXT%23"),
        ("/a%3f", "/a%3F"),
        ("/%24batch", "/%24batch"),
        ("/$batch", "/$batch"),
        ("/%252F", "/%252F"),
        ("/AAMk%252FBB%252bCC%253D", "/AAMk%252FBB%252bCC%253D"),
        ("/100%25", "/100%25"),
        ("/%252e%252ea", "/%252e%252ea"),
        ("/..a%20", "/..a%20"),
        ("/%25", "/%25"),
        ("/users('id')", "/users('id')"),
        ("/users(%27id%27)", "/users(%27id%27)"),
        ("/a@b.example:1,2=3+4&5!*", "/a@b.example:1,2=3+4&5!*"),
        ("/...", "/..."),
        ("/.a/..b", "/.a/..b"),
        ("/.well-known/x", "/.well-known/x"),
    ];
    for (raw, expected) in spellings {
        assert_eq!(canonical(raw), *expected, "{raw:?}");
    }
}

#[test]
fn segments_decode_once() {
    let path = CanonicalPath::parse("/me%40x/%252F/a%20b/%C3%A9/").unwrap();
    let decoded: Vec<_> = path.decoded_segments().collect();
    assert_eq!(decoded, ["me@x", "%2F", "a b", "é", ""]);
    assert!(matches!(decoded_segment("plain"), Cow::Borrowed("plain")));
}

#[test]
fn leading_segments_come_off_whole() {
    let path = CanonicalPath::parse("/graph/v1.0/").unwrap();
    let rests: Vec<_> = (0..5).map(|count| path.after(count)).collect();
    assert_eq!(rests, ["/graph/v1.0/", "/v1.0/", "/", "", ""]);
    let path = CanonicalPath::received("/graph/%76", Some("a=/b?%2e")).unwrap();
    let rests: Vec<_> = (0..3).map(|count| path.after(count)).collect();
    assert_eq!(rests, ["/graph/v?a=/b?%2e", "/v?a=/b?%2e", "?a=/b?%2e"]);
}

#[test]
fn a_query_is_behind_the_path_and_no_part_of_it() {
    for (query, expected) in [
        (None, None),
        (Some(""), Some("")),
        (Some("?/x/.."), Some("?/x/..")),
    ] {
        let path = CanonicalPath::received("/a/%62/", query).unwrap();
        assert_eq!((path.as_str(), path.query()), ("/a/b/", expected));
        assert_eq!(path.segments().collect::<Vec<_>>(), ["a", "b", ""]);
        assert!(!format!("{path:?}").contains('?'));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn parsing_never_panics(raw in any::<String>(), shaped in raw_path()) {
        let _ = CanonicalPath::parse(&raw);
        let _ = CanonicalPath::parse(&format!("/{raw}"));
        let _ = CanonicalPath::parse(&shaped);
    }

    #[test]
    fn the_canonical_form_is_its_own(raw in raw_path()) {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert_eq!(canonical(path.as_str()), path.as_str());
        }
    }

    #[test]
    fn the_canonical_form_means_what_the_raw_one_does(raw in raw_path()) {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert_eq!(plainly_decoded(path.as_str()), plainly_decoded(&raw));
            let decoded: Vec<Vec<u8>> = path
                .decoded_segments()
                .map(|segment| segment.into_owned().into_bytes())
                .collect();
            prop_assert_eq!(decoded, plainly_decoded(&raw));
        }
    }

    #[test]
    fn a_canonical_path_hides_nothing(raw in raw_path()) {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            prop_assert!(path.as_str().bytes().all(|byte| is_plain(byte) || byte == b'%'));
            let count = path.segments().count();
            for (index, value) in path.decoded_segments().enumerate() {
                prop_assert!(value != "." && value != "..");
                let fully = crate::request::decoded_fully(value.as_bytes());
                let fully = fully.expect("few decodings").into_owned();
                prop_assert!(!fully.contains(&b'\\'));
                prop_assert!(!fully.split(|byte| *byte == b'/').any(|part| part == b"." || part == b".."));
                prop_assert!(!value.contains(['/', '\\']));
                prop_assert!(!value.contains(|letter: char| letter.is_ascii_control()));
                prop_assert!(!value.is_empty() || index + 1 == count);
            }
        }
    }
}
