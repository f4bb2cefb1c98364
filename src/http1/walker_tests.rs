//! Each rule with messages that break it, both ways, and those next to them that keep it. The same
//! bytes go through the reference and come in pieces.

use super::*;
use crate::http1::agreement::{self, course};
use crate::http1::attacks::{BODIES, REQUEST_LINES, STATUS_LINES, WHOLE, fields};

const LIMITS: Limits = Limits {
    head: 4096,
    target: 1024,
};

/// What becomes of a message that begins a connection: bytes passed, and whether it ended.
type Verdict = Result<(usize, bool), Violation>;

/// Shows the bytes to a walker, whole and in pieces, and to the reference.
fn walked(direction: Direction, bytes: &[u8], to_head: bool) -> Verdict {
    let walker = || match direction {
        Direction::Requests => Walker::requests(LIMITS),
        Direction::Answers => {
            let mut walker = Walker::answers(LIMITS);
            walker.expect_answer(to_head);
            walker
        }
    };
    match direction {
        Direction::Requests => agreement::on_request(bytes, LIMITS),
        Direction::Answers => agreement::on_answer(bytes, LIMITS, to_head),
    }
    let whole = course(walker(), bytes, &[], &[to_head]);
    for piece in [1, 2, 7] {
        assert_eq!(course(walker(), bytes, &[piece], &[to_head]), whole);
    }
    Ok(match walker().step(bytes)? {
        Step::Hold => (0, false),
        Step::Interim(bytes) => (bytes, false),
        Step::Pass { bytes, ended } => (bytes, ended),
    })
}

fn request(text: &str) -> Verdict {
    walked(Direction::Requests, text.as_bytes(), false)
}

fn answer(text: &str) -> Verdict {
    walked(Direction::Answers, text.as_bytes(), false)
}

fn assert_verdict(what: &str, verdict: Verdict, bytes: usize, expected: Option<Violation>) {
    match expected {
        None => assert_eq!(verdict, Ok((bytes, true)), "{what:?}"),
        Some(violation) => assert_eq!(verdict, Err(violation), "{what:?}"),
    }
}

#[test]
fn each_rule_for_fields_is_held_both_ways() {
    for (lines, of_request, of_answer) in fields() {
        let text = format!("GET / HTTP/1.1\r\n{lines}\r\n");
        assert_verdict(&text, request(&text), text.len(), of_request);
        let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n");
        match of_answer {
            // An empty line ended the head.
            Some(Violation::Unasked) => assert_eq!(answer(&text), Ok((text.len(), false))),
            expected => assert_verdict(&text, answer(&text), text.len(), expected),
        }
    }
}

#[test]
fn each_rule_for_first_lines_is_held() {
    for (line, expected) in REQUEST_LINES {
        let text = format!("{line}\r\nA: b\r\n\r\n");
        assert_verdict(&text, request(&text), text.len(), *expected);
    }
    for (line, expected) in STATUS_LINES {
        let text = format!("{line}\r\nContent-Length: 0\r\n\r\n");
        assert_verdict(&text, answer(&text), text.len(), *expected);
    }
}

#[test]
fn each_rule_for_chunks_is_held_both_ways() {
    for (body, expected) in BODIES {
        for coding in [
            "Transfer-Encoding: chunked",
            "TRANSFER-encoding:\tChunkeD \t",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{coding}\r\n\r\n{body}");
            assert_verdict(&text, request(&text), text.len(), *expected);
            let text = format!("HTTP/1.1 200 OK\r\n{coding}\r\n\r\n{body}");
            assert_verdict(&text, answer(&text), text.len(), *expected);
        }
    }
}

#[test]
fn where_an_answers_body_ends_is_told_by_status_method_and_fields() {
    use Violation::{BodyForbidden, CodingInOldVersion};
    let length = "Content-Length: 5";
    let coding = "Transfer-Encoding: chunked";
    // Bytes of `hello` that are the answer's, and whether it ends with them.
    #[rustfmt::skip]
    let rows: &[(&str, &str, bool, Verdict)] = &[
        ("HTTP/1.1 200", length, false, Ok((5, true))),
        ("HTTP/1.1 200", "Content-Length: 4", false, Ok((4, true))),
        ("HTTP/1.1 200", "Content-Length: 6", false, Ok((5, false))),
        ("HTTP/1.1 200", "Content-Length: 9999999999999999999", false, Ok((5, false))),
        ("HTTP/1.1 200", "Content-Length: 0", false, Ok((0, true))),
        ("HTTP/1.1 200", "A: b", false, Ok((5, false))),
        ("HTTP/1.1 500", "Connection: keep-alive", false, Ok((5, false))),
        ("HTTP/1.0 200", "A: b", false, Ok((5, false))),
        ("HTTP/1.0 200", coding, false, Err(CodingInOldVersion)),
        ("HTTP/1.0 200", coding, true, Err(CodingInOldVersion)),
        ("HTTP/1.1 200", length, true, Ok((0, true))),
        ("HTTP/1.1 200", coding, true, Ok((0, true))),
        ("HTTP/1.1 200", "A: b", true, Ok((0, true))),
        ("HTTP/1.1 304", length, false, Ok((0, true))),
        ("HTTP/1.1 304", coding, false, Ok((0, true))),
        ("HTTP/1.1 304", "A: b", false, Ok((0, true))),
        ("HTTP/1.1 204", "A: b", false, Ok((0, true))),
        ("HTTP/1.1 204", "Content-Length: 0", false, Ok((0, true))),
        ("HTTP/1.1 204", length, false, Err(BodyForbidden)),
        ("HTTP/1.1 204", coding, false, Err(BodyForbidden)),
        ("HTTP/1.1 204", length, true, Err(BodyForbidden)),
        ("HTTP/1.1 101", "Upgrade: a", false, Ok((0, true))),
        ("HTTP/1.1 101", length, false, Err(BodyForbidden)),
        ("HTTP/1.1 100", "A: b", false, Ok((0, false))),
        ("HTTP/1.1 103", length, false, Err(BodyForbidden)),
        ("HTTP/1.1 103", coding, true, Err(BodyForbidden)),
    ];
    for (line, field, to_head, expected) in rows {
        let head = format!("{line}\r\n{field}\r\n\r\n");
        let verdict = walked(
            Direction::Answers,
            (head.clone() + "hello").as_bytes(),
            *to_head,
        );
        let expected = expected.map(|(body, ended)| (head.len() + body, ended));
        assert_eq!(verdict, expected, "{line} {field} {to_head}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(request(old), Err(CodingInOldVersion));
}

#[test]
fn what_is_too_large_is_refused_at_its_bound_and_not_before() {
    use Violation::*;
    let head = |length: usize| {
        let start = "GET / HTTP/1.1\r\nA: ";
        format!("{start}{}\r\n\r\n", "b".repeat(length - start.len() - 4))
    };
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(length - 1));
    let fields = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A:b\r\n".repeat(count));
    let name = |length: usize| format!("GET / HTTP/1.1\r\n{}:\r\n\r\n", "a".repeat(length));
    let chunked =
        |body: &str| format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let extension = |length: usize| chunked(&format!("0;{}\r\n\r\n", "a".repeat(length - 1)));
    let extensions = |chunks: usize| {
        let chunk = format!("1;{}\r\na\r\n", "a".repeat(511));
        chunked(&format!("{}0\r\n\r\n", chunk.repeat(chunks)))
    };
    let trailer = |length: usize| {
        chunked(&format!(
            "0\r\nA:{}\r\n\r\n",
            "a".repeat(length - "A:\r\n\r\n".len())
        ))
    };
    let trailers = |count: usize| chunked(&format!("0\r\n{}\r\n", "A:b\r\n".repeat(count)));
    type Of<'a> = &'a dyn Fn(usize) -> String;
    let rows: [(Of<'_>, usize, Violation); 8] = [
        (&head, LIMITS.head, HeadTooLarge),
        (&target, LIMITS.target, TargetTooLong),
        (&fields, 100, TooManyFields),
        (&name, 1024, NameTooLong),
        (&extension, 1024, ChunkExtensionTooLong),
        (&extensions, 16, ChunkExtensionTooLong),
        (&trailer, 8192, TrailersTooLarge),
        (&trailers, 64, TrailersTooLarge),
    ];
    for (of, most, violation) in rows {
        assert_verdict("at its bound", request(&of(most)), of(most).len(), WHOLE);
        assert_verdict("over its bound", request(&of(most + 1)), 0, Some(violation));
    }
    // What stands behind the bound is not looked at: in pieces it would not be there yet.
    for (start, behind) in [("GET / HTTP/1.1\r\nA: ", "\0"), ("", "\0"), ("", "\r\n")] {
        let text = format!("{start:a<5000}{behind}");
        assert!(
            matches!(request(&text), Err(HeadTooLarge | TargetTooLong)),
            "{start}{behind:?}"
        );
    }
    let start = "HTTP/1.1 200 OK\nA: ";
    assert_eq!(answer(&format!("{start:a<4094}\n\n")), Ok((4096, false)));
    assert_eq!(answer(&format!("{start:a<4095}\n\n")), Err(HeadTooLarge));
    assert_eq!(answer(&format!("{start:a<4096}\n\n")), Err(HeadTooLarge));
    // Without an end in sight.
    assert_eq!(request(&"a".repeat(2000)), Err(TargetTooLong));
    assert_eq!(
        request(&format!("GET / HTTP/1.1\r\n{}", "a".repeat(5000))),
        Err(HeadTooLarge)
    );
    assert_eq!(
        answer(&format!("HTTP/1.1 200 {}", "a".repeat(5000))),
        Err(HeadTooLarge)
    );
}
