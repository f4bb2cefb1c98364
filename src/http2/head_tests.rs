//! Heads of HTTP/2 in the shape of HTTP/1.1.

use http::{Request, Version};

use super::*;

fn head(uri: &str, fields: &[(&str, &str)]) -> Parts {
    let mut head = Request::builder().version(Version::HTTP_2).uri(uri);
    for (name, value) in fields {
        head = head.header(*name, *value);
    }
    head.body(()).unwrap().into_parts().0
}

fn values<'a>(head: &'a Parts, name: &str) -> Vec<&'a str> {
    let values = head.headers.get_all(name).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn the_authority_is_the_host_and_the_target_its_path() {
    for (uri, fields, target, host) in [
        ("http://a.example/x?y", &[][..], "/x?y", &["a.example"][..]),
        (
            "https://A.example:1/",
            &[("host", "a.EXAMPLE:1")],
            "/",
            &["A.example:1"],
        ),
        ("/x", &[("host", "b.example")], "/x", &["b.example"]),
        ("/x", &[], "/x", &[]),
        // Left for whoever reads heads to refuse.
        (
            "http://a.example/x",
            &[("host", "b.example")],
            "http://a.example/x",
            &["b.example"],
        ),
        (
            "http://a.example/x",
            &[("host", "a.example"), ("host", "a.example")],
            "http://a.example/x",
            &["a.example", "a.example"],
        ),
    ] {
        let mut head = head(uri, fields);
        reshape(&mut head, 1000, false).unwrap();
        assert_eq!(head.uri.to_string(), target);
        assert_eq!(values(&head, "host"), host, "{uri}");
    }
}

#[test]
fn cookies_are_joined_and_a_body_of_no_told_length_is_chunked() {
    let mut apart = head("/", &[("cookie", "a=1"), ("x", "1"), ("cookie", "b=2")]);
    reshape(&mut apart, 1000, true).unwrap();
    assert_eq!(values(&apart, "cookie"), ["a=1; b=2"]);
    assert_eq!(values(&apart, "transfer-encoding"), ["chunked"]);
    let mut told = head("/", &[("content-length", "2")]);
    reshape(&mut told, 1000, true).unwrap();
    assert!(!told.headers.contains_key("transfer-encoding"));
    let mut none = head("/", &[]);
    reshape(&mut none, 1000, false).unwrap();
    assert!(!none.headers.contains_key("transfer-encoding"));
}

#[test]
fn what_http_1_would_not_take_is_refused() {
    let long = "n".repeat(NAME + 1);
    for (name, value, expected) in [
        ("connection", "x", Fault::OfConnection),
        ("transfer-encoding", "chunked", Fault::OfConnection),
        ("upgrade", "h2c", Fault::OfConnection),
        ("keep-alive", "1", Fault::OfConnection),
        ("proxy-connection", "close", Fault::OfConnection),
        ("content_length", "1", Fault::Lookalike),
        ("transfer_encoding", "chunked", Fault::Lookalike),
        ("x", " 1", Fault::Blank),
        ("x", "1\t", Fault::Blank),
        (&long, "1", Fault::NameTooLong),
    ] {
        let refused = reshape(&mut head("/", &[(name, value)]), 10_000, false);
        assert_eq!(refused, Err(expected), "{name}");
    }
    let scheme = reshape(&mut head("ftp://a/", &[]), 1000, false);
    assert_eq!(scheme, Err(Fault::Scheme));
    let many = vec![("x", "1"); FIELDS + 1];
    assert_eq!(
        reshape(&mut head("/", &many), 10_000, false),
        Err(Fault::TooManyFields)
    );
    assert_eq!(reshape(&mut head("/", &many[1..]), 10_000, false), Ok(()));
    let large = "v".repeat(100);
    let fields = [("x", large.as_str())];
    assert_eq!(reshape(&mut head("/", &fields), 106, false), Ok(()));
    assert_eq!(
        reshape(&mut head("/", &fields), 105, false),
        Err(Fault::HeadTooLarge)
    );
}

#[test]
fn what_comes_behind_a_body_is_bounded_and_none_of_the_head() {
    let of = |fields: &[(&str, &str)]| trailers(&head("/", fields).headers, |name| name == "host");
    assert_eq!(of(&[("x-checksum", "1")]), Ok(()));
    assert_eq!(of(&[("host", "a")]), Err(Fault::TrailerForbidden));
    let many = vec![("x", "1"); TRAILER_FIELDS + 1];
    assert_eq!(of(&many), Err(Fault::TrailersTooLarge));
    assert_eq!(
        of(&[("x", &"v".repeat(TRAILERS))]),
        Err(Fault::TrailersTooLarge)
    );
    assert_eq!(of(&[("x", " ")]), Err(Fault::Blank));
}
