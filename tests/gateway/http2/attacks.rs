//! The tables of attacks by HTTP/1.1, in HTTP/2: nothing that is malformed reaches the upstream, whatever
//! becomes of its stream or its connection.

use super::{head, world};
use crate::support::{Frame, Frames, eventually, field, fields};

/// A connection error, by its code, or a stream's.
const RESET: &str = "reset";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rfc_9113_calls_malformed_reaches_nobody() {
    let (origin, gateway) = world("limits: { header: 8KiB, uri: 2KiB }").await;
    let scheme = (":scheme", "http");
    let authority = (":authority", "a.example");
    let (method, path) = ((":method", "GET"), (":path", "/x"));
    let all = |more: &[(&str, &str)]| head("GET", "/x", more);
    let bytes = |name: &[u8], value: &[u8]| [all(&[]), field(name, value)].concat();
    let long = "a".repeat(3000);
    let large = "a".repeat(9000);
    let name = "n".repeat(1025);
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        // §8.3: pseudo-header fields.
        ("no method", fields(&[scheme, authority, path]), RESET),
        ("no scheme", fields(&[method, authority, path]), RESET),
        ("no path", fields(&[method, scheme, authority]), RESET),
        ("empty path", fields(&[method, scheme, authority, (":path", "")]), RESET),
        ("two methods", fields(&[method, method, scheme, authority, path]), RESET),
        ("two paths", fields(&[method, scheme, authority, path, (":path", "/y")]), RESET),
        ("two authorities", fields(&[method, scheme, authority, (":authority", "b.example"), path]), RESET),
        ("two schemes", fields(&[method, scheme, (":scheme", "https"), authority, path]), RESET),
        ("path behind a field", fields(&[method, scheme, authority, ("x", "1"), path]), RESET),
        ("unknown pseudo", fields(&[method, scheme, authority, path, (":proxy", "1")]), RESET),
        ("status", fields(&[method, scheme, authority, path, (":status", "200")]), RESET),
        ("protocol", fields(&[(":method", "CONNECT"), scheme, authority, path, (":protocol", "websocket")]), RESET),
        ("protocol of a GET", fields(&[method, scheme, authority, path, (":protocol", "websocket")]), RESET),
        ("a method that is none", fields(&[(":method", "GE T"), scheme, authority, path]), RESET),
        ("method with a line end", fields(&[(":method", "GET /y HTTP/1.1\r\nX: "), scheme, authority, path]), RESET),
        ("path with a line end", fields(&[method, scheme, authority, (":path", "/x HTTP/1.1\r\nX: 1")]), RESET),
        ("path with a space", fields(&[method, scheme, authority, (":path", "/x HTTP/1.1")]), RESET),
        ("path without a slash", fields(&[method, scheme, authority, (":path", "x")]), RESET),
        ("path with a fragment", fields(&[method, scheme, authority, (":path", "/x#f")]), "bad_path"),
        ("query with a fragment", fields(&[method, scheme, authority, (":path", "/x?b#c")]), "bad_path"),
        ("path of a fragment", fields(&[method, scheme, authority, (":path", "#")]), "bad_path"),
        ("path that is a query", fields(&[method, scheme, authority, (":path", "?x")]), "bad_path"),
        ("compressed path with a fragment", [fields(&[method, scheme, authority]), vec![4, 0x86, 0x63, 0xcb, 0x03, 0xff, 0xa9, 0x7f]].concat(), "bad_path"),
        ("path with an authority", fields(&[method, scheme, authority, (":path", "http://b.example/x")]), RESET),
        ("path of another host", fields(&[method, scheme, authority, (":path", "//b.example/x")]), "bad_path"),
        ("path with dots", fields(&[method, scheme, authority, (":path", "/y/%2e%2e/x")]), "bad_path"),
        ("asterisk", fields(&[method, scheme, authority, (":path", "*")]), "bad_path"),
        ("authority with a user", fields(&[method, scheme, (":authority", "u@a.example"), path]), "bad_host"),
        ("authority with a path", fields(&[method, scheme, (":authority", "a.example/y"), path]), RESET),
        ("authority with a line end", fields(&[method, scheme, (":authority", "a\r\nX: 1"), path]), RESET),
        ("authority of nothing", fields(&[method, scheme, (":authority", ""), path]), RESET),
        ("no authority and no host", fields(&[method, scheme, path]), "bad_host"),
        ("another scheme", fields(&[method, (":scheme", "ftp"), authority, path]), "malformed_request"),
        ("scheme that smuggles", fields(&[method, (":scheme", "http://b.example/?"), authority, path]), RESET),
        ("CONNECT", fields(&[(":method", "CONNECT"), authority]), "method_not_allowed"),
        ("CONNECT with a path", fields(&[(":method", "CONNECT"), scheme, authority, path]), RESET),
        // Host against :authority.
        ("another Host", all(&[("host", "b.example")]), "bad_host"),
        ("two Hosts", all(&[("host", "a.example"), ("host", "a.example")]), "bad_host"),
        ("two Hosts alone", fields(&[method, scheme, path, ("host", "a"), ("host", "a")]), "bad_host"),
        ("a Host that is none", fields(&[method, scheme, path, ("host", "a b")]), "bad_host"),
        // §8.2: fields.
        ("upper case", all(&[("X-Upper", "1")]), RESET),
        ("name with a line end", bytes(b"x\r\ny", b"1"), RESET),
        ("name with a colon", bytes(b"x:y", b"1"), RESET),
        ("name with a blank", bytes(b"x y", b"1"), RESET),
        ("no name", bytes(b"", b"1"), RESET),
        ("name beyond ASCII", bytes("\u{e9}".as_bytes(), b"1"), RESET),
        ("value with a line end", bytes(b"x", b"1\r\nx-admin: 1"), RESET),
        ("value with a line feed", bytes(b"x", b"1\n2"), RESET),
        ("value with a carriage return", bytes(b"x", b"1\r2"), RESET),
        ("value with NUL", bytes(b"x", b"1\x002"), RESET),
        ("value with DEL", bytes(b"x", b"1\x7f2"), RESET),
        ("blank before a value", bytes(b"x", b" 1"), "malformed_request"),
        ("blank behind a value", bytes(b"x", b"1\t"), "malformed_request"),
        ("connection", all(&[("connection", "x")]), RESET),
        ("keep-alive", all(&[("keep-alive", "1")]), RESET),
        ("proxy-connection", all(&[("proxy-connection", "close")]), RESET),
        ("upgrade", all(&[("upgrade", "h2c")]), RESET),
        ("transfer-encoding", all(&[("transfer-encoding", "chunked")]), RESET),
        ("transfer-encoding, identity", all(&[("transfer-encoding", "identity")]), RESET),
        ("te", all(&[("te", "gzip")]), RESET),
        ("te, a list", all(&[("te", "trailers, deflate")]), RESET),
        // What tells of lengths.
        ("lookalike of a length", all(&[("content_length", "1")]), "bad_framing"),
        ("lookalike of a coding", all(&[("transfer_encoding", "chunked")]), "bad_framing"),
        ("length without a body", all(&[("content-length", "5")]), RESET),
        ("a length that is none", all(&[("content-length", "+0")]), RESET),
        ("a list of lengths", all(&[("content-length", "0, 0")]), RESET),
        ("two lengths", all(&[("content-length", "0"), ("content-length", "0")]), "bad_framing"),
        ("two other lengths", all(&[("content-length", "0"), ("content-length", "1")]), RESET),
        // Too much.
        ("long path", head("GET", &format!("/{long}"), &[]), "uri_too_long"),
        ("large head", all(&[("x", &large)]), "header_too_large"),
        ("long name", all(&[(&name, "1")]), "header_too_large"),
        ("many fields", all(&vec![("x", "1"); 101]), "header_too_large"),
    ];
    let mut wrong = Vec::new();
    for (what, head, expected) in &rows {
        let mut caller = Frames::open(gateway.address("apis")).await;
        caller.ask(1, head).await;
        let outcome = match caller.outcome(1).await {
            Ok(body) => match body.split("\"reason\":\"").nth(1) {
                Some(rest) => rest.split('"').next().unwrap().to_owned(),
                None => format!("{body:?}"),
            },
            Err(_) => RESET.to_owned(),
        };
        if outcome != *expected {
            wrong.push(format!("{what}: {outcome}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let heads = origin.heads();
    assert!(heads.is_empty(), "{heads:?}");
    // Each of them is told, once.
    let lines = gateway.lines(rows.len()).await;
    assert_eq!(lines.len(), rows.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_in_pieces_mean_what_they_mean_whole() {
    let (origin, gateway) = world("").await;
    let plain = head("GET", "/x", &[("x-end", "1")]);
    for at in 1..plain.len() {
        let mut caller = Frames::open(gateway.address("apis")).await;
        let (first, rest) = plain.split_at(at);
        caller
            .put(Frame::HEADERS, Frame::END_STREAM, 1, first)
            .await;
        caller
            .put(Frame::CONTINUATION, Frame::END_HEADERS, 1, rest)
            .await;
        assert_eq!(caller.outcome(1).await, Ok("ok".to_owned()), "{at}");
    }
    let heads = origin.heads();
    assert_eq!(heads.len(), plain.len() - 1);
    assert!(
        heads
            .iter()
            .all(|(_, head)| head.contains("\r\nX-End: 1\r\n"))
    );
    // The codec alone forgets what was wrong with the first piece where a field is cut in two.
    for (what, more) in [
        ("transfer-encoding", ("transfer-encoding", "chunked")),
        ("second path", (":path", "/y")),
        ("connection", ("connection", "close")),
    ] {
        let bad = head("GET", "/x", &[more, ("x-cut", "a longer value")]);
        for at in plain.len() - 5..bad.len() {
            let mut caller = Frames::open(gateway.address("apis")).await;
            let (first, rest) = bad.split_at(at);
            caller
                .put(Frame::HEADERS, Frame::END_STREAM, 1, first)
                .await;
            caller
                .put(Frame::CONTINUATION, Frame::END_HEADERS, 1, rest)
                .await;
            assert!(caller.outcome(1).await.is_err(), "{what}: {at}");
        }
    }
    // Nor where the whole is longer than a frame may be by default.
    let long = "a".repeat(20_000);
    let bad = head(
        "GET",
        "/x",
        &[("x-long", &long), ("connection", "close"), (":path", "/y")],
    );
    let mut caller = Frames::open(gateway.address("apis")).await;
    let (first, rest) = bad.split_at(16_000);
    caller
        .put(Frame::HEADERS, Frame::END_STREAM, 1, first)
        .await;
    caller
        .put(Frame::CONTINUATION, Frame::END_HEADERS, 1, rest)
        .await;
    assert!(caller.outcome(1).await.is_err());
    assert_eq!(origin.heads().len(), plain.len() - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_not_http_2_ends_and_is_told() {
    let (origin, gateway) = world("timeouts: { header: 300ms }").await;
    let ping = [0; 8];
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("a preface that goes on otherwise", b"PRI * HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        ("half a preface", b"PRI * HTTP/2.0\r\n\r\n".to_vec()),
        ("a frame within a head", [preface(), Frame::bytes(1, 1, 1, &[0x82]), Frame::bytes(6, 0, 0, &ping)].concat()),
        ("an unknown frame within a head", [preface(), Frame::bytes(1, 1, 1, &[0x82]), Frame::bytes(0x16, 0, 0, &ping)].concat()),
        ("a continuation of nothing", [preface(), Frame::bytes(9, 4, 1, &[0x82])].concat()),
        ("padding that is no head's", [preface(), Frame::bytes(1, 0x9, 1, &[9, 0x82]), Frame::bytes(9, 4, 1, &[])].concat()),
        ("a head that never ends", [preface(), Frame::bytes(1, 1, 1, &[0x82])].concat()),
        ("half a head", [preface(), Frame::bytes(1, 5, 1, &[0x82; 20])[..15].to_vec()].concat()),
        ("an even stream", [preface(), Frame::bytes(1, 5, 2, &head("GET", "/x", &[]))].concat()),
        ("no table has this", [preface(), Frame::bytes(1, 5, 1, &[0xff, 0xff, 0xff, 0x7f])].concat()),
        ("too large a frame", [preface(), Frame::bytes(6, 0, 0, &[0; 20_000])].concat()),
        ("a window beyond 2^31", [preface(), Frame::bytes(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])].concat()),
        ("push", [preface(), Frame::bytes(5, 4, 1, &[0, 0, 0, 2, 0x82])].concat()),
    ];
    for (number, (what, bytes)) in rows.iter().enumerate() {
        let mut caller = Frames::silent(gateway.address("apis")).await;
        caller.send(bytes).await;
        let ended = async { while caller.next().await.is_some() {} };
        ended.await;
        let lines = gateway.lines(number + 1).await;
        assert_eq!(lines.len(), number + 1, "{what}");
        let reason = lines[number]["reason"].as_str().unwrap();
        let known = ["malformed_request", "header_timeout"];
        assert!(known.contains(&reason), "{what}: {reason}");
    }
    assert!(origin.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fragment_that_was_kept_by_the_table_is_seen_again_and_harms_no_other_stream() {
    let (origin, gateway) = world("").await;
    let mut caller = Frames::open(gateway.address("apis")).await;
    // `:path: /x#f` as a literal that is kept (0x44), and the entry that it becomes (62).
    let start = fields(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
    ]);
    let kept = [&start[..], &[0x44, 4], b"/x#f"].concat();
    let again = [&start[..], &[0x80 | 62]].concat();
    for (stream, block) in [(1, &kept), (3, &again)] {
        caller.ask(stream, block).await;
        let body = caller.outcome(stream).await.unwrap();
        assert!(body.contains("\"reason\":\"bad_path\""), "{body}");
    }
    caller.ask(5, &head("GET", "/x", &[])).await;
    assert_eq!(caller.outcome(5).await, Ok("ok".to_owned()));
    assert_eq!(origin.heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pseudo_header_behind_a_body_ends_the_connection() {
    let (origin, gateway) = world("").await;
    let names = [":path", ":method", ":authority", ":status", ":x"];
    for name in names {
        let mut caller = Frames::open(gateway.address("apis")).await;
        let post = head("POST", "/x", &[]);
        caller
            .put(Frame::HEADERS, Frame::END_HEADERS, 1, &post)
            .await;
        caller.put(Frame::DATA, 0, 1, b"body").await;
        let behind = fields(&[("x-end", "1"), (name, "/y")]);
        let both = Frame::END_STREAM | Frame::END_HEADERS;
        caller.put(Frame::HEADERS, both, 1, &behind).await;
        // The upstream may have answered by then; what it is asked for next is nobody's to say.
        while caller.next().await.is_some() {}
    }
    eventually("each is told", async || {
        let lines = gateway.lines(0).await;
        let told = lines.iter().filter(|it| it["reason"] == "bad_framing");
        told.count() == names.len()
    })
    .await;
    assert!(origin.heads().iter().all(|(_, head)| !head.contains("/y")));
}

fn preface() -> Vec<u8> {
    [crate::support::PREFACE, &Frame::bytes(4, 0, 0, &[])].concat()
}
