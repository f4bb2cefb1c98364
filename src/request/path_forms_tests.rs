//! What passes by the options of a route, and what by none of them.

use proptest::prelude::*;

use super::*;
use crate::request::samples::raw_path;

fn all() -> AllowedForms {
    AllowedForms {
        encoded_slashes: true,
        empty_segments: true,
        parameters: vec!["version".into(), "v".into()],
    }
}

fn allowed(forms: &AllowedForms, raw: &str) -> Result<(), PathError> {
    forms.allow(&CanonicalPath::received(raw, None).unwrap())
}

#[test]
fn each_option_allows_its_own_form_and_no_other() {
    let nothing = AllowedForms::default();
    let slashes = AllowedForms {
        encoded_slashes: true,
        ..nothing.clone()
    };
    let empties = AllowedForms {
        empty_segments: true,
        ..nothing.clone()
    };
    let parameters = AllowedForms {
        parameters: all().parameters,
        ..nothing.clone()
    };
    for (raw, option, why) in [
        ("/a%2fb", &slashes, PathError::EscapedSlash),
        ("/a%2F", &slashes, PathError::EscapedSlash),
        ("/a//b", &empties, PathError::EmptySegment),
        ("//", &empties, PathError::EmptySegment),
        ("/a;version=2/b", &parameters, PathError::Parameter),
        ("/a;v;version=1,2/b;v=", &parameters, PathError::Parameter),
    ] {
        for forms in [&nothing, &slashes, &empties, &parameters, &all()] {
            let expected = match forms == option || *forms == all() {
                true => Ok(()),
                false => Err(why),
            };
            assert_eq!(allowed(forms, raw), expected, "{raw} {forms:?}");
        }
        assert_eq!(CanonicalPath::parse(raw).err(), Some(why), "{raw}");
    }
    for raw in ["/", "/a/", "/a%3Bb", "/a%252Fb"] {
        assert_eq!(allowed(&nothing, raw), Ok(()), "{raw}");
    }
}

#[test]
fn a_parameter_passes_by_its_exact_name_alone() {
    for raw in [
        "/a;Version=2",
        "/a;versions=2",
        "/a;version2",
        "/a;%76%65rsion=2/b;x",
        "/a;ver%20sion=2",
        "/a;=2",
        "/a;",
        "/a;;version=2",
        "/a;version=2;",
        "/a;version=2;jsessionid=1",
        "/a;version=2/b;jsessionid=1",
    ] {
        assert_eq!(allowed(&all(), raw), Err(PathError::Parameter), "{raw}");
    }
}

#[test]
fn parameters_are_forwarded_and_take_no_part_in_matching() {
    for (raw, matched) in [
        ("/a;v=1/b", "/a/b"),
        ("/a/;v=1", "/a/"),
        ("/a;v=%2F", "/a"),
        ("/a%2Fb;v/c//d", "/a%2Fb/c//d"),
        ("/a%3Bv/b", "/a%3Bv/b"),
    ] {
        let path = CanonicalPath::received(raw, Some("q;x")).unwrap();
        assert_eq!((path.as_str(), path.matched()), (raw, matched));
        assert_eq!(path.after(0), format!("{raw}?q;x"));
        assert_eq!(allowed(&all(), raw), Ok(()), "{raw}");
    }
    // Cut off, it leaves an empty segment.
    let forms = CanonicalPath::received("/a/;v=1/b", None).unwrap().forms();
    assert!(forms.empty_segments && forms.parameters);
}

#[test]
fn no_option_lets_a_dot_segment_through() {
    for raw in [
        "/a%2F..%2Fb",
        "/a%2f.%2fb",
        "/a/..;v=1/b",
        "/a/.;v/b",
        "/a/%2e%2e;v/b",
        "/a//../b",
        "/a%2F%2e%2e;v",
        "/..%2F",
        "/a%252F..%252Fb",
    ] {
        let refused = CanonicalPath::received(raw, None).err();
        assert_eq!(refused, Some(PathError::DotSegment), "{raw}");
    }
    for raw in ["/a%5Cb", "/a%00b", "/a%2F%5C"] {
        let refused = CanonicalPath::received(raw, None).err();
        assert_eq!(refused, Some(PathError::EscapedSeparator), "{raw}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_passes_climbs_nowhere_for_any_reader(raw in raw_path()) {
        let Ok(path) = CanonicalPath::received(&raw, None) else { return Ok(()) };
        for read in [path.as_str(), path.matched()] {
            let decoded = crate::request::decoded_fully(read.as_bytes()).expect("few decodings");
            for segment in decoded.split(|byte| *byte == b'/') {
                let bare = segment.split(|byte| *byte == b';').next().unwrap_or_default();
                prop_assert!(!matches!(bare, b"." | b".."), "{raw} as {read}");
            }
        }
        let slashes = |text: &str| text.matches('/').count();
        prop_assert_eq!(slashes(path.as_str()), slashes(path.matched()));
        prop_assert!(!path.matched().contains(';'));
        let forms = path.forms();
        prop_assert_eq!(forms.parameters, path.as_str().contains(';'));
        prop_assert_eq!(forms.encoded_slashes, path.as_str().contains("%2F"));
        prop_assert_eq!(CanonicalPath::parse(&raw).is_ok(), forms.are_none());
    }
}
