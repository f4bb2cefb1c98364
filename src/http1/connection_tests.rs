//! A whole connection, message by message: what is held, what is passed, and where it stands.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::http1::agreement::{self, course};
use crate::http1::attacks::{BODIES, REQUEST_LINES, STATUS_LINES, fields};
use crate::http1::{Limits, Place, Step, Violation, Walker};

const LIMITS: Limits = Limits {
    head: 600,
    target: 200,
};

fn pass(bytes: usize, ended: bool) -> Result<Step, Violation> {
    Ok(Step::Pass { bytes, ended })
}

#[test]
fn requests_pass_one_at_a_time() {
    let mut walker = Walker::requests(LIMITS);
    let first = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
    let second = "\r\nGET / HTTP/1.1\r\n\r\n";
    let both = format!("{first}{second}");
    assert_eq!(walker.place(), Place::Idle);
    assert_eq!(walker.step(both.as_bytes()), pass(first.len(), true));
    assert_eq!(walker.place(), Place::Idle);
    assert_eq!(walker.step(b"\r\n"), Ok(Step::Hold));
    assert_eq!((walker.place(), walker.end()), (Place::Idle, Ok(())));
    assert_eq!(walker.step(&second.as_bytes()[..3]), Ok(Step::Hold));
    let truncated = Err(Violation::Truncated);
    assert_eq!((walker.place(), walker.end()), (Place::Head, truncated));
    assert_eq!(walker.step(second.as_bytes()), pass(second.len(), true));
    assert_eq!(walker.step(b""), Ok(Step::Hold));
    assert_eq!((walker.place(), walker.end()), (Place::Idle, Ok(())));
}

#[test]
fn a_body_passes_as_it_comes() {
    let truncated = Err(Violation::Truncated);
    for (head, pieces) in [
        ("Content-Length: 5", ["he", "llo"]),
        (
            "Transfer-Encoding: chunked",
            ["5\r", "\nhello\r\n0\r\n\r\n"],
        ),
    ] {
        let head = format!("POST / HTTP/1.1\r\n{head}\r\n\r\n");
        let mut walker = Walker::requests(LIMITS);
        assert_eq!(walker.step(head.as_bytes()), pass(head.len(), false));
        assert_eq!((walker.place(), walker.end()), (Place::Body, truncated));
        let [first, last] = pieces;
        assert_eq!(walker.step(first.as_bytes()), pass(first.len(), false));
        assert_eq!((walker.place(), walker.end()), (Place::Body, truncated));
        let more = format!("{last}GET");
        assert_eq!(walker.step(more.as_bytes()), pass(last.len(), true));
        assert_eq!(walker.place(), Place::Idle);
    }
}

#[test]
fn an_answer_comes_only_when_it_was_asked_for() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    let mut walker = Walker::answers(LIMITS);
    assert_eq!(walker.step(answer), Err(Violation::Unasked));
    walker.expect_answer(false);
    // What came before was not taken, and cannot be.
    assert_eq!(walker.step(answer), Err(Violation::Unasked));

    let mut walker = Walker::answers(LIMITS);
    walker.expect_answer(true);
    assert_eq!(walker.step(answer), pass(answer.len() - 1, true));
    assert_eq!((walker.place(), walker.end()), (Place::Idle, Ok(())));
    assert_eq!(walker.step(b"a"), Err(Violation::Unasked));
}

#[test]
fn an_answer_may_end_with_its_connection() {
    let mut walker = Walker::answers(LIMITS);
    walker.expect_answer(false);
    let head = b"HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(walker.step(head), pass(head.len(), false));
    assert_eq!(walker.step(b"HTTP/1.1 "), pass(9, false));
    assert_eq!((walker.place(), walker.end()), (Place::Body, Ok(())));
    assert_eq!(walker.place(), Place::Idle);
    assert_eq!(walker.step(b"a"), Err(Violation::Unasked));
}

#[test]
fn interim_answers_are_told_apart_and_are_few() {
    let mut walker = Walker::answers(LIMITS);
    walker.expect_answer(false);
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200";
    for _ in 0..32 {
        assert_eq!(walker.step(interim), Ok(Step::Interim(interim.len() - 12)));
        assert_eq!(walker.place(), Place::Idle);
    }
    assert_eq!(walker.step(interim), Err(Violation::TooManyInterim));
}

#[test]
fn a_tunnel_lets_everything_pass() {
    let mut walker = Walker::answers(LIMITS);
    walker.expect_answer(false);
    let switching = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let more = [switching.as_slice(), &[0, 1, 2]].concat();
    assert_eq!(walker.step(&more), pass(switching.len(), true));
    walker.tunnel();
    assert_eq!(walker.step(&more[switching.len()..]), pass(3, false));
    assert_eq!((walker.place(), walker.end()), (Place::Tunnel, Ok(())));
}

#[test]
fn a_rule_that_was_broken_stays_broken() {
    let mut walker = Walker::requests(LIMITS);
    assert_eq!(walker.step(b"GET /\0"), Err(Violation::Control));
    let good = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(walker.step(good), Err(Violation::Control));
    assert_eq!(walker.end(), Err(Violation::Control));
    assert_eq!(walker.place(), Place::Broken);
}

#[test]
fn each_rule_is_attacked() {
    // Those are attacked by tests of their own.
    let mut attacked = BTreeSet::from(
        [
            Violation::TargetTooLong,
            Violation::NameTooLong,
            Violation::TooManyFields,
            Violation::HeadTooLarge,
            Violation::CodingInOldVersion,
            Violation::BodyForbidden,
            Violation::TooManyInterim,
            Violation::ChunkExtensionTooLong,
            Violation::TrailersTooLarge,
            Violation::Truncated,
            Violation::Unasked,
        ]
        .map(|violation| format!("{violation:?}")),
    );
    let fields = fields();
    let lines = fields.iter().map(|(_, of_request, _)| of_request);
    let others = [REQUEST_LINES, STATUS_LINES, BODIES].concat();
    let others: Vec<_> = others.into_iter().map(|(_, violation)| violation).collect();
    let found = lines.chain(&others).flatten();
    attacked.extend(found.map(|violation| format!("{violation:?}")));
    for violation in Violation::ALL {
        assert!(
            attacked.contains(&format!("{violation:?}")),
            "{violation:?}"
        );
        assert!(!violation.to_string().contains(['{', '\n']), "{violation}");
    }
}

/// What was found by fuzzing, and what fuzzing begins with.
#[test]
fn the_seeds_of_the_fuzzers_are_read_alike() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut count = 0;
    for target in std::fs::read_dir(seeds).unwrap() {
        for seed in std::fs::read_dir(target.unwrap().path()).unwrap() {
            let bytes = std::fs::read(seed.unwrap().path()).unwrap();
            // Before some stand a few bytes that say how the fuzzer cuts them.
            for start in 0..bytes.len().min(5) {
                agree(&bytes[start..], &[1, 3, 20]);
            }
            count += 1;
        }
    }
    assert!(count > 20, "the seeds were not found");
}

/// Whatever the bytes are meant to be.
fn agree(bytes: &[u8], pieces: &[usize]) {
    agreement::on_request(bytes, LIMITS);
    let whole = course(Walker::requests(LIMITS), bytes, &[], &[]);
    assert_eq!(course(Walker::requests(LIMITS), bytes, pieces, &[]), whole);
    for to_head in [false, true] {
        agreement::on_answer(bytes, LIMITS, to_head);
        let asks = [to_head, false, true, false];
        let walk = |pieces: &[usize]| course(Walker::answers(LIMITS), bytes, pieces, &asks);
        assert_eq!(walk(pieces), walk(&[]));
    }
}

/// What messages are made of, right and wrong.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "GET / HTTP/1.1\r\n", "POST /a?b HTTP/1.1\r\n", "HEAD http://a/ HTTP/1.0\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 404\r\n",
    "HTTP/1.1 204 \r\n", "HTTP/1.1 304 \n", "HTTP/1.1 100 \r\n\r\n", "HTTP/1.1 101 \r\n\r\n", "Host: a\r\n", "A: b\r\n", "A:\tb\n",
    "Content-Length: 5\r\n", "Content-Length: 0\r\n", "content-length: ", "5", "Transfer-Encoding: chunked\r\n", "transfer-encoding: ",
    "chunked", ",", " ", "\t", "\r\n", "\r\n", "\r\n\r\n", "\n", "\r", "\0", ":", ";", "hello", "5\r\nhello\r\n", "5;a=b\r\nhello\r\n",
    "0\r\n\r\n", "0\r\n", "A: b\r\n\r\n", "GET /", " HTTP/1.1", "\u{e9}", "Content_Length: 5\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn parts() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        12 => proptest::sample::select(PARTS).prop_map(|part| part.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_in_any_pieces_are_read_alike(
        bytes in parts(),
        pieces in proptest::collection::vec(1_usize..40, 1..6),
    ) {
        agree(&bytes, &pieces);
    }
}
