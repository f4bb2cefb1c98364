//! Heads that two parsers could read in two ways, and those that only look so.

use http::HeaderName;

use super::*;

const LIMITS: Limits = Limits {
    uri: 8 * 1024,
    body: 100 * 1024 * 1024,
};

type Field = (&'static str, &'static str);

const HOST: Field = ("host", "api.example");

fn headers(fields: &[Field]) -> HeaderMap {
    let field = |(name, value): &Field| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    };
    fields.iter().map(field).collect()
}

fn read(
    target: &str,
    fields: &[Field],
    change: impl FnOnce(&mut Sent<'_>),
) -> Result<Head, HeadError> {
    let (headers, uri) = (headers(fields), target.parse().unwrap_or_default());
    let mut sent = Sent {
        method: &Method::GET,
        version: Version::HTTP_11,
        uri: &uri,
        authority: None,
        headers: &headers,
    };
    change(&mut sent);
    let peer = Peer::of([127, 0, 0, 1].into(), &headers, &[]);
    Head::read(&"apis".into(), peer, &sent, &LIMITS)
}

fn reason(read: Result<Head, HeadError>) -> Option<&'static str> {
    read.err().map(|why| why.reason.word())
}

#[test]
#[rustfmt::skip]
fn ambiguous_messages_are_refused() {
    let chunked = ("transfer-encoding", "chunked");
    let length = ("content-length", "5");
    let table: &[(&[Field], Option<&str>)] = &[
        (&[HOST], None),
        (&[HOST, length], None),
        (&[HOST, chunked], None),
        (&[HOST, ("content-length", "5, 5")], Some("bad_framing")),
        (&[HOST, ("content-length", "+5")], Some("bad_framing")),
        (&[HOST, ("content-length", "")], Some("bad_framing")),
        (&[HOST, ("content-length", "99999999999999999999")], Some("bad_framing")),
        (&[HOST, ("content-length", "9999999999999999999")], Some("body_too_large")),
        (&[HOST, length, length], Some("bad_framing")),
        (&[HOST, ("transfer-encoding", "gzip, chunked")], Some("bad_framing")),
        (&[HOST, chunked, chunked], Some("bad_framing")),
        (&[HOST, chunked, length], Some("bad_framing")),
        (&[HOST, ("connection", "keep-alive, X-Hop,,")], None),
        (&[HOST, ("connection", "close, Host")], Some("bad_framing")),
        (&[HOST, ("connection", "Content-Length")], Some("bad_framing")),
        (&[HOST, ("connection", "transfer-encoding"), chunked], Some("bad_framing")),
        (&[HOST, ("connection", "a b")], Some("bad_framing")),
        (&[HOST, ("connection", "\"close\"")], Some("bad_framing")),
        (&[], Some("bad_host")),
        (&[("host", "")], Some("bad_host")),
        (&[("host", "a b")], Some("bad_host")),
        (&[("host", "user@api.example")], Some("bad_host")),
        (&[HOST, HOST], Some("bad_host")),
    ];
    for (fields, expected) in table {
        assert_eq!(reason(read("/x", fields, |_| {})), *expected, "{fields:?}");
    }
}

#[test]
fn the_head_is_bounded_and_its_query_untouched() {
    let long = format!("/{}", "a".repeat(9000));
    assert_eq!(reason(read(&long, &[HOST], |_| {})), Some("uri_too_long"));
    for (target, path, query) in [
        ("/x?a=%2f&b=..", "/x", Some("a=%2f&b=..")),
        ("/x?", "/x", Some("")),
        ("/%78?a?/b", "/x", Some("a?/b")),
        ("http://API.example/x?y", "/x", Some("y")),
        ("/x", "/x", None),
    ] {
        let head = read(target, &[HOST], |_| {}).ok().unwrap();
        assert_eq!((head.path.as_str(), head.path.query()), (path, query));
    }
    for bad in ["*", "/a/../b", "/a%5cb"] {
        assert_eq!(
            reason(read(bad, &[HOST], |_| {})),
            Some("bad_path"),
            "{bad}"
        );
    }
    for (target, told) in [
        ("http://other/x", Some("bad_host")),
        ("http://u@api.example/x", Some("bad_host")),
        ("http://api.example/x", None),
    ] {
        assert_eq!(reason(read(target, &[HOST], |_| {})), told, "{target}");
    }
    let connect = read("api.example:443", &[HOST], |sent| {
        sent.method = &Method::CONNECT
    });
    assert_eq!(reason(connect), Some("method_not_allowed"));
}

#[test]
fn the_host_is_one_and_comes_from_where_the_listener_says() {
    let host = |read: Result<Head, HeadError>| read.ok().unwrap().host;
    let text = |host: Option<Host>| host.map(|host| host.as_str().to_owned());
    let old = read("/x", &[], |sent| sent.version = Version::HTTP_10);
    assert_eq!(text(host(old)), None);
    let sent = read("/x", &[("host", "API.example.:80")], |_| {});
    assert_eq!(text(host(sent)).as_deref(), Some("api.example"));
    static TOLD: HeaderValue = HeaderValue::from_static("told.example:443");
    let sent = read("/x", &[HOST], |sent| sent.authority = Some(&TOLD));
    assert_eq!(text(host(sent)).as_deref(), Some("told.example"));
    static NONE: HeaderValue = HeaderValue::from_static("a b");
    let sent = read("/x", &[HOST], |sent| sent.authority = Some(&NONE));
    assert_eq!(reason(sent), Some("bad_host"));
}
