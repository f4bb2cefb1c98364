//! Messages that break one rule each, and their neighbours that keep it.

use super::Violation;

/// Everything is passed, and the message ends with it.
pub(super) const WHOLE: Option<Violation> = None;

/// Lines behind the first one, up to the empty one; what is wrong with them in a request, and in an
/// answer. Those that are right have no body.
#[rustfmt::skip]
pub(super) fn fields() -> Vec<(String, Option<Violation>, Option<Violation>)> {
    use Violation::*;
    let both = |text: &str, violation| (text.to_owned(), Some(violation), Some(violation));
    let right = |text: &str| (format!("{text}Content-Length: 0\r\n"), WHOLE, WHOLE);
    let mut rows: Vec<_> = [
        // RFC 9112 §2.2.
        ("A: b\rc\r\n", BareCarriageReturn), ("A\r: b\r\n", BareCarriageReturn), ("\rA: b\r\n", BareCarriageReturn),
        ("A: b\r\r\n", BareCarriageReturn), ("A: \0\r\n", Control), ("A: \u{1}\r\n", Control), ("A: \u{b}b\r\n", Control),
        ("A: \u{c}\r\n", Control), ("A: \u{1f}\r\n", Control), ("A: \u{7f}\r\n", Control), ("A\0: b\r\n", Control),
        // §5.
        (" A: b\r\n", Folded), ("\tA: b\r\n", Folded), ("A: b\r\n c\r\n", Folded), ("A: b\r\n\tc: d\r\n", Folded),
        ("A: b\r\n \r\n", Folded), ("A\r\n", NoColon), ("A b\r\n", NoColon), ("Content-Length\r\n", NoColon),
        (":\r\n", EmptyName), (": b\r\n", EmptyName), ("A : b\r\n", BlankBeforeColon), ("A\t: b\r\n", BlankBeforeColon),
        ("Content-Length : 5\r\n", BlankBeforeColon), ("A b: c\r\n", BlankBeforeColon), ("A(: b\r\n", Name), ("A/b: c\r\n", Name),
        ("\"A\": b\r\n", Name), ("A{}: b\r\n", Name), ("A@: b\r\n", Name), ("A[0]: b\r\n", Name), ("A;b: c\r\n", Name),
        ("\u{e9}: b\r\n", Name), ("Content-Length\u{a0}: 5\r\n", Name), ("Content\u{ad}-Length: 5\r\n", Name),
        // §6.3.
        ("Content-Length:\r\n", Length), ("Content-Length: \t\r\n", Length), ("Content-Length: +5\r\n", Length),
        ("Content-Length: -0\r\n", Length), ("Content-Length: 5, 5\r\n", Length), ("Content-Length: 5,\r\n", Length),
        ("Content-Length: 5 5\r\n", Length), ("Content-Length: 0x5\r\n", Length), ("Content-Length: 5.0\r\n", Length),
        ("Content-Length: 5e0\r\n", Length), ("Content-Length: 1_0\r\n", Length), ("Content-Length: \u{665}\r\n", Length),
        ("Content-Length: five\r\n", Length), ("Content-Length: \"5\"\r\n", Length), ("Content-Length: 5;a\r\n", Length),
        ("Content-Length: 00000000000000000005\r\n", Length), ("Content-Length: 18446744073709551616\r\n", Length),
        ("Content-Length: 0\r\nContent-Length: 0\r\n", RepeatedLength), ("Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n", RepeatedLength),
        ("Content-Length: 0\r\nA: b\r\ncontent-length: 0\r\n", RepeatedLength),
        ("Transfer-Encoding:\r\n", Coding), ("Transfer-Encoding: identity\r\n", Coding), ("Transfer-Encoding: gzip\r\n", Coding),
        ("Transfer-Encoding: gzip, chunked\r\n", Coding), ("Transfer-Encoding: chunked, gzip\r\n", Coding),
        ("Transfer-Encoding: chunked, chunked\r\n", Coding), ("Transfer-Encoding: chunked,\r\n", Coding),
        ("Transfer-Encoding: ,chunked\r\n", Coding), ("Transfer-Encoding: chunked;a=b\r\n", Coding),
        ("Transfer-Encoding: \"chunked\"\r\n", Coding), ("Transfer-Encoding: xchunked\r\n", Coding),
        ("Transfer-Encoding: chunkedx\r\n", Coding), ("Transfer-Encoding: chun ked\r\n", Coding),
        ("Transfer-Encoding: \u{fe0f}chunked\r\n", Coding), ("Transfer-Encoding: chun\u{212a}ed\r\n", Coding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", RepeatedCoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", RepeatedCoding),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LengthBesideCoding),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", LengthBesideCoding),
    ].into_iter().map(|(text, violation)| both(text, violation)).collect();
    rows.extend(["", "A:\r\n", "A: \t \r\n", "A:b\tc\r\n", "A: \u{e9}\u{80}\r\n", "A: b: c\r\n", "A: b\r\nA: b\r\n", "a!#$%&'*+-.^_`|~9: b\r\n",
        "X-Content-Length: 5\r\n", "Content-Lengths: 5\r\n", "Transfer-Encodings: a\r\n", "TE: trailers, chunked\r\n", "Content_Type: a\r\n"].map(right));
    // Where the directions differ.
    rows.extend([
        ("Content-Length: 0\n".to_owned(), Some(BareLineFeed), WHOLE),
        ("A: b\nContent-Length: 0\r\n".to_owned(), Some(BareLineFeed), WHOLE),
        ("A: b\n c\r\n".to_owned(), Some(BareLineFeed), Some(Folded)),
        ("Content_Length: 5\r\nContent-Length: 0\r\n".to_owned(), Some(Lookalike), WHOLE),
        ("content_LENGTH: a\r\nContent-Length: 0\r\n".to_owned(), Some(Lookalike), WHOLE),
        ("Transfer_Encoding: chunked\r\nContent-Length: 0\r\n".to_owned(), Some(Lookalike), WHOLE),
        ("\n".to_owned(), Some(BareLineFeed), Some(Unasked)),
    ]);
    rows
}

/// First lines of requests.
#[rustfmt::skip]
pub(super) const REQUEST_LINES: &[(&str, Option<Violation>)] = {
    use Violation::*;
    &[
        ("GET / HTTP/1.1", WHOLE), ("GET / HTTP/1.0", WHOLE), ("get /a?b=c&d HTTP/1.1", WHOLE), ("M-SEARCH * HTTP/1.1", WHOLE),
        ("GET http://a.example/b HTTP/1.1", WHOLE), ("CONNECT a:443 HTTP/1.1", WHOLE), ("GET /\u{e9}?\u{e9} HTTP/1.1", WHOLE),
        ("GET /\"{|}^[]\\?{|}^[]\\`' HTTP/1.1", WHOLE), ("GET /%00%zz HTTP/1.1", WHOLE), ("GET //a/..;/b HTTP/1.1", WHOLE),
        ("\r\n\r\n\r\n\r\nGET / HTTP/1.1", WHOLE), ("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1", Some(EmptyLines)),
        ("\nGET / HTTP/1.1", Some(BareLineFeed)), ("\rGET / HTTP/1.1", Some(BareCarriageReturn)),
        ("GET / HTTP/1.1\n", Some(BareLineFeed)), ("GET / HTTP/1.1\r", Some(BareCarriageReturn)),
        (" GET / HTTP/1.1", Some(Method)), ("\tGET / HTTP/1.1", Some(Method)), ("G@T / HTTP/1.1", Some(Method)), ("GET\t/ HTTP/1.1", Some(Method)),
        ("\u{16}\u{3}\u{1}", Some(Method)), ("(GET) / HTTP/1.1", Some(Method)), ("AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDD / HTTP/1.1", Some(Method)),
        ("GET", Some(RequestLine)), ("GET /", Some(RequestLine)), ("GET /a.html", Some(RequestLine)), ("GET  HTTP/1.1", Some(RequestLine)),
        ("GET HTTP/1.1", Some(RequestLine)), ("GET  / HTTP/1.1", Some(RequestLine)), ("GET /  HTTP/1.1", Some(RequestLine)),
        ("GET /a b HTTP/1.1", Some(RequestLine)), ("GET / HTTP/1.1 HTTP/1.1", Some(RequestLine)), ("GET / HTTP/1.1 ", Some(Version)),
        ("GET / HTTP/1.2", Some(Version)), ("GET / HTTP/2.0", Some(Version)), ("PRI * HTTP/2.0", Some(Version)), ("GET / HTTP/0.9", Some(Version)),
        ("GET / http/1.1", Some(Version)), ("GET / HTTP/1.10", Some(Version)), ("GET / HTTP/01.1", Some(Version)), ("GET / HTTPS/1.1", Some(Version)),
        ("GET / HTTP/1,1", Some(Version)), ("GET / XHTTP/1.1", Some(Version)), ("GET /\0 HTTP/1.1", Some(Control)), ("GET /\u{7f} HTTP/1.1", Some(Control)),
        ("GET /\t HTTP/1.1", Some(Target)), ("GET /a#b HTTP/1.1", Some(Target)), ("GET /a?b#c HTTP/1.1", Some(Target)), ("GET /< HTTP/1.1", Some(Target)),
        ("GET /` HTTP/1.1", Some(Target)), ("GET /?\" HTTP/1.1", Some(Target)), ("GET /?> HTTP/1.1", Some(Target)), ("GET a/b HTTP/1.1", Some(Target)),
        ("GET http://a/#b HTTP/1.1", Some(Target)), ("GET ?a HTTP/1.1", Some(Target)), ("GET :// HTTP/1.1", Some(Target)), ("GET # HTTP/1.1", Some(Target)),
    ]
};

/// First lines of answers.
#[rustfmt::skip]
pub(super) const STATUS_LINES: &[(&str, Option<Violation>)] = {
    use Violation::*;
    &[
        ("HTTP/1.1 200 OK", WHOLE), ("HTTP/1.0 200 OK", WHOLE), ("HTTP/1.1 200 ", WHOLE), ("HTTP/1.1 200", WHOLE), ("HTTP/1.1 999 \u{e9}\tb", WHOLE),
        ("HTTP/1.1 204 a", WHOLE), ("HTTP/1.1 304 a", WHOLE), ("HTTP/1.1 101 a", WHOLE), ("\r\nHTTP/1.1 200 OK", Some(EmptyLines)), ("\nHTTP/1.1 200 OK", Some(EmptyLines)),
        (" HTTP/1.1 200 OK", Some(StatusLine)), ("hTTP/1.1 200 OK", Some(StatusLine)), ("Http/1.1 200 OK", Some(StatusLine)), ("HTTP/1.2 200 OK", Some(StatusLine)),
        ("HTTP/2 200", Some(StatusLine)), ("HTTP/1.1  200 OK", Some(StatusLine)), ("HTTP/1.1\t200 OK", Some(StatusLine)), ("HTTP/1.1 20 OK", Some(StatusLine)),
        ("HTTP/1.1 2000 OK", Some(StatusLine)), ("HTTP/1.1 099 OK", Some(StatusLine)), ("HTTP/1.1 +20 OK", Some(StatusLine)), ("HTTP/1.1 200\tOK", Some(StatusLine)),
        ("HTTP/1.1", Some(StatusLine)), ("HTTP/1.1 ", Some(StatusLine)), ("ICY 200 OK", Some(StatusLine)), ("0\r\n\r\nHTTP/1.1 200 OK", Some(StatusLine)),
        ("HTTP/1.1 200 O\0K", Some(Control)), ("HTTP/1.1 200 O\rK", Some(BareCarriageReturn)),
    ]
};

/// Chunked bodies.
#[rustfmt::skip]
pub(super) const BODIES: &[(&str, Option<Violation>)] = {
    use Violation::*;
    &[
        ("0\r\n\r\n", WHOLE), ("5\r\nhello\r\n0\r\n\r\n", WHOLE), ("A\r\n0123456789\r\n00\r\n\r\n", WHOLE), ("0000000000000001\r\na\r\n0\r\n\r\n", WHOLE),
        ("1;a\r\nb\r\n0;c=\"d e\";f\r\n\r\n", WHOLE), ("1; a = b\t\r\nb\r\n0\r\n\r\n", WHOLE), ("2\r\n\r\n\r\n0\r\n\r\n", WHOLE), ("0\r\nA: b\r\nGrpc-Status:\t0\r\n\r\n", WHOLE),
        ("\r\n", Some(ChunkSize)), (" 1\r\na\r\n", Some(ChunkSize)), ("+1\r\na\r\n", Some(ChunkSize)), ("-1\r\na\r\n", Some(ChunkSize)), ("0x1\r\na\r\n", Some(ChunkSize)),
        ("1 \r\na\r\n", Some(ChunkSize)), ("1\t;a\r\nb\r\n", Some(ChunkSize)), ("1_0\r\n", Some(ChunkSize)), ("g\r\n", Some(ChunkSize)), (";a\r\n", Some(ChunkSize)), ("1,a\r\n", Some(ChunkSize)),
        ("00000000000000001\r\na\r\n", Some(ChunkSize)), ("10000000000000000\r\na", Some(ChunkSize)), ("\u{661}\r\n", Some(ChunkSize)), ("1\0\r\n", Some(ChunkSize)),
        ("1;\0\r\n", Some(ChunkExtension)), ("1;a\u{7f}\r\n", Some(ChunkExtension)), ("1;\u{b}\r\n", Some(ChunkExtension)), ("1;\u{a0}\r\n", Some(ChunkExtension)),
        ("1\na\r\n", Some(ChunkLineEnd)), ("\n", Some(ChunkLineEnd)), ("1;a\nb\r\n", Some(ChunkLineEnd)), ("1\ra\r\n", Some(ChunkLineEnd)), ("1;a\rb\r\n", Some(ChunkLineEnd)), ("1\r\r\n", Some(ChunkLineEnd)),
        ("1\r\nab\r\n", Some(ChunkDataEnd)), ("1\r\na\n", Some(ChunkDataEnd)), ("1\r\na\r0", Some(ChunkDataEnd)), ("1\r\na0\r\n\r\n", Some(ChunkDataEnd)),
        ("0\r\n\n", Some(ChunkLineEnd)), ("0\r\n\rX", Some(ChunkLineEnd)), ("0\r\nA: b\n\r\n", Some(ChunkLineEnd)), ("0\r\nA: b\rc\r\n", Some(ChunkLineEnd)),
        ("0\r\n b\r\n", Some(Folded)), ("0\r\nA: b\r\n\tc\r\n", Some(Folded)), ("0\r\nA : b\r\n", Some(BlankBeforeColon)), ("0\r\nA\r\n", Some(Trailer)), ("0\r\n: b\r\n", Some(Trailer)),
        ("0\r\nA\0: b\r\n", Some(Trailer)), ("0\r\nA: \0\r\n", Some(Trailer)), ("0\r\nGET / HTTP/1.1\r\n", Some(BlankBeforeColon)),
        ("0\r\nContent-Length: 5\r\n", Some(TrailerForbidden)), ("0\r\nA: b\r\ntransfer-encoding: chunked\r\n", Some(TrailerForbidden)), ("0\r\nHOST: a\r\n", Some(TrailerForbidden)),
        ("0\r\ncontent_length: 5\r\n", Some(TrailerForbidden)), ("0\r\nAuthorization: a\r\n", Some(TrailerForbidden)), ("0\r\nTrailer: a\r\n", Some(TrailerForbidden)),
        ("0\r\nProxy-Authorization: a\r\n", Some(TrailerForbidden)),
    ]
};
