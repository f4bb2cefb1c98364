//! What a pattern takes and what it does not, and that no spelling of a path widens it.

use proptest::prelude::*;

use super::*;
use crate::request::samples::{plainly_decoded, raw_path};

fn template(text: &str) -> Template {
    Template::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn fits(pattern: &str, raw: &str) -> bool {
    let path = CanonicalPath::parse(raw).unwrap();
    template(pattern).matches(&path).is_some()
}

#[test]
fn a_pattern_takes_only_what_it_says() {
    for (pattern, path, expected) in [
        ("/", "/", true),
        ("/", "/a", false),
        ("/**", "/", true),
        ("/**", "/a", true),
        ("/**", "/a/b/", true),
        ("/x", "/x", true),
        ("/x", "/x/", false),
        ("/x", "/X", false),
        ("/x", "/xy", false),
        ("/x/", "/x/", true),
        ("/x/", "/x", false),
        ("/x/**", "/x", true),
        ("/x/**", "/x/", true),
        ("/x/**", "/x/y/z", true),
        ("/x/**", "/xy", false),
        ("/x/**", "/", false),
        ("/x/{a}", "/x/y", true),
        ("/x/{a}", "/x/", false),
        ("/x/{a}", "/x", false),
        ("/x/{a}", "/x/y/", false),
        ("/x/{a}", "/x/y/z", false),
        ("/x/{a}/", "/x/y/", true),
        ("/x/{a}/**", "/x/y", true),
        ("/x/{a}/**", "/x/", false),
        ("/x/{a}/z", "/x/y/z", true),
        ("/$batch", "/%24batch", true),
        ("/%24batch", "/$batch", true),
        ("/caf%C3%A9", "/café", true),
        ("/%2A%2A", "/**", true),
        ("/%2A%2A", "/a", false),
        ("/users/{mailbox}", "/users('id')", false),
        ("/users('id')", "/users(%27id%27)", true),
    ] {
        assert_eq!(fits(pattern, path), expected, "{pattern} on {path}");
    }
}

#[test]
fn values_are_decoded_once() {
    let path = CanonicalPath::parse("/users/max%40x.example/m/%2541%20b").unwrap();
    let params = template("/users/{mailbox}/m/{id}").matches(&path).unwrap();
    assert_eq!(params.value("mailbox"), Some("max@x.example"));
    assert_eq!(params.value("id"), Some("%41 b"));
    assert_eq!(params.value("other"), None);
}

#[test]
fn a_wrong_pattern_is_told_how_to_be_right() {
    for (pattern, why) in [
        ("", "`` must begin with a slash"),
        ("x", "`x` must begin with a slash"),
        ("/x?a=1", "a query takes no part in matching: write `/x`"),
        ("/**/x", "`**` stands for any rest, so it must be last"),
        ("/**/", "`**` stands for any rest, so it must be last"),
        (
            "/x/*",
            "`*`: write `{name}` for one segment, `**` at the end for any rest, `%2A` for an asterisk",
        ),
        (
            "/x/a**",
            "`a**`: write `{name}` for one segment, `**` at the end for any rest, `%2A` for an asterisk",
        ),
        (
            "/{Name}",
            "`{Name}`: a name is lower-case letters, digits and `_`, a letter first",
        ),
        (
            "/{}",
            "`{}`: a name is lower-case letters, digits and `_`, a letter first",
        ),
        (
            "/{1a}",
            "`{1a}`: a name is lower-case letters, digits and `_`, a letter first",
        ),
        (
            "/a{b}",
            "`a{b}`: `{name}` stands for a whole segment; write `%7B` and `%7D` for braces",
        ),
        (
            "/users('{id}')",
            "`users('{id}')`: `{name}` stands for a whole segment; write `%7B` and `%7D` for braces",
        ),
        ("/{a}/{a}", "`{a}` is there twice"),
        ("/a//b", "two slashes in a row match nothing: write one"),
        ("//", "two slashes in a row match nothing: write one"),
        ("/a/../b", "`..` matches nothing: leave it out"),
        ("/%2e", "`%2e` matches nothing: leave it out"),
        (
            "/a b",
            "`a b` matches nothing in this spelling: write `a%20b`",
        ),
        ("/%61", "`%61` matches nothing in this spelling: write `a`"),
        (
            "/%c3%a9",
            "`%c3%a9` matches nothing in this spelling: write `%C3%A9`",
        ),
        ("/é", "`é` matches nothing in this spelling: write `%C3%A9`"),
        (
            "/a;b",
            "`a;b` matches nothing, for it is refused: the path has a parameter behind `;`",
        ),
        (
            "/a%2Fb",
            "`a%2Fb` matches nothing, for it is refused: the path escapes a slash",
        ),
    ] {
        assert_eq!(
            Template::parse(pattern).unwrap_err().to_string(),
            why,
            "{pattern}"
        );
    }
    let longest = "/a".repeat(MOST_SEGMENTS);
    assert!(Template::parse(&longest).is_ok());
    assert_eq!(
        Template::parse(&format!("{longest}/a")).unwrap_err().0,
        "a pattern has 64 segments at most"
    );
}

#[test]
fn a_prefix_is_literal_segments_from_the_start() {
    for (pattern, prefix, expected) in [
        ("/graph/v1.0/users/{mailbox}", "/graph", Some(1)),
        ("/graph/v1.0/users/{mailbox}", "/graph/v1.0", Some(2)),
        ("/graph/v1.0/users/{mailbox}", "/graph/v1.0/users/x", None),
        ("/graph/{a}", "/graph/{a}", None),
        ("/graph", "/graph", Some(1)),
        ("/graph/**", "/graph", Some(1)),
        ("/graph/**", "/graph/**", None),
        ("/graph/", "/graph/", None),
        ("/graph/x", "/graph/", None),
        ("/graph/x", "/gra", None),
        ("/graph/x", "/Graph", None),
        ("/graph/x", "graph", None),
        ("/graph/x", "", None),
        ("/graph/x", "/graph//x", None),
        ("/graph/x", "/x", None),
        ("/graph/x", "/", Some(0)),
        ("/a%20b/x", "/a b", Some(1)),
    ] {
        assert_eq!(
            template(pattern).prefix_segments(prefix),
            expected,
            "{prefix} of {pattern}"
        );
    }
}

#[test]
fn parameters_are_named_in_order() {
    let template = template("/a/{b}/c/{d_1}/**");
    assert_eq!(template.parameters().collect::<Vec<_>>(), ["b", "d_1"]);
    assert_eq!(template.as_str(), "/a/{b}/c/{d_1}/**");
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "ab", "%C3%A9", "$batch", "%40", "{x}"]);
    let tail = prop::sample::select(vec!["", "/", "/**", "/{y}"]);
    (prop::collection::vec(segment, 0..4), tail).prop_filter_map("names", |(segments, tail)| {
        let text: String = segments
            .iter()
            .map(|segment| format!("/{segment}"))
            .collect();
        Template::parse(&(text.clone() + tail))
            .ok()
            .map(|_| text + tail)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// The raw path, read by the plainest reading of RFC 3986, has the segments that the pattern
    /// asks for: no spelling gets a path in that does not mean the same.
    #[test]
    fn canonicalisation_never_widens_a_match(pattern in pattern(), raw in raw_path()) {
        let Ok(path) = CanonicalPath::parse(&raw) else { return Ok(()) };
        let Some(params) = template(&pattern).matches(&path) else { return Ok(()) };
        let mut values = plainly_decoded(&raw).into_iter();
        for written in pattern[1..].split('/') {
            if written == "**" {
                return Ok(());
            }
            let value = String::from_utf8(values.next().unwrap()).unwrap();
            match written.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => prop_assert_eq!(params.value(name), Some(value.as_str())),
                None => prop_assert_eq!(value.into_bytes(), plainly_decoded(&format!("/{written}"))[0].clone()),
            }
        }
        prop_assert_eq!(values.next(), None);
    }

    #[test]
    fn parsing_a_pattern_never_panics(text in any::<String>(), shaped in raw_path()) {
        let _ = Template::parse(&text);
        if let Ok(template) = Template::parse(&shaped) {
            let literal = template.segments().iter().all(|segment| matches!(segment, Segment::Literal(_)));
            if literal {
                let path = CanonicalPath::parse(&shaped).unwrap();
                prop_assert!(template.matches(&path).is_some());
            }
        }
    }
}
