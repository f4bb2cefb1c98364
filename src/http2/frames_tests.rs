//! Frames as peers send them, and as attackers do.

use super::*;

const LIMITS: Limits = Limits {
    head: 1000,
    frame: 16_384,
};

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

fn begun() -> Frames {
    let mut frames = Frames::new(LIMITS);
    let passed = frames.step(PREFACE).unwrap();
    assert_eq!(
        passed,
        Step::Pass {
            bytes: 24,
            opened: None
        }
    );
    frames
}

#[test]
fn a_preface_comes_in_any_pieces_and_nothing_else_begins_a_connection() {
    let mut frames = Frames::new(LIMITS);
    for byte in PREFACE {
        assert!(!frames.has_begun());
        let passed = Step::Pass {
            bytes: 1,
            opened: None,
        };
        assert_eq!(frames.step(&[*byte]), Ok(passed));
    }
    assert!(frames.has_begun());
    for other in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"PRI * HTTP/1.1\r\n",
        b"\x16\x03\x01",
    ] {
        assert_eq!(Frames::new(LIMITS).step(other), Err(Fault::Preface));
    }
}

#[test]
fn payloads_go_on_in_any_pieces_and_heads_only_whole() {
    let mut bytes = frame(4, 0, 0, &[0; 12]);
    bytes.extend(frame(HEADERS, END_HEADERS, 1, b"\x90\x91\x92\x93\x94\x95"));
    bytes.extend(frame(DATA, 0, 1, &[7; 40]));
    bytes.extend(frame(HEADERS, 0, 3, b"\x90\x91\x92"));
    bytes.extend(frame(CONTINUATION, 0, 3, b"\x93\x94\x95"));
    bytes.extend(frame(CONTINUATION, END_HEADERS, 3, b"\x96\x97\x98"));
    bytes.extend(frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        1,
        b"\x90\x91\x92\x93\x94\x95\x96\x97",
    ));
    for piece in 1..bytes.len() {
        let mut frames = begun();
        let (mut passed, mut opened, mut out) = (0, Vec::new(), Vec::new());
        let mut come = 0;
        while come < bytes.len() {
            come = bytes.len().min(come + piece);
            while passed < come {
                let here = &bytes[passed..come];
                let (length, stream) = match frames.step(here).unwrap() {
                    Step::Hold { .. } => break,
                    Step::Pass { bytes, opened } => {
                        out.extend(&here[..bytes]);
                        (bytes, opened)
                    }
                    Step::Join { bytes, opened } => {
                        out.extend(joined(&here[..bytes]).unwrap());
                        (bytes, opened)
                    }
                };
                passed += length;
                opened.extend(stream.map(|it| it.stream));
            }
        }
        assert_eq!((passed, &opened[..]), (bytes.len(), &[1, 3][..]), "{piece}");
        let whole = frame(
            HEADERS,
            END_HEADERS,
            3,
            b"\x90\x91\x92\x93\x94\x95\x96\x97\x98",
        );
        let apart: &[u8] = &bytes[21 + 15 + 49..bytes.len() - 17];
        let mut expected = bytes.clone();
        let at = bytes.len() - 17 - apart.len();
        expected.splice(at..at + apart.len(), whole);
        assert_eq!(out, expected, "{piece}");
    }
}

#[test]
fn a_joined_head_has_no_padding_and_keeps_what_stands_before_its_fields() {
    let flags = PADDED | PRIORITY | END_STREAM;
    let first = |padding: u8, rest: &[u8]| frame(HEADERS, flags, 5, &[&[padding], rest].concat());
    let last = frame(CONTINUATION, END_HEADERS, 5, b"def");
    let bytes = [first(2, b"prioryabc\0\0"), last.clone()].concat();
    let whole = frame(HEADERS, flags & !PADDED | END_HEADERS, 5, b"prioryabcdef");
    assert_eq!(joined(&bytes).unwrap(), whole);
    for broken in [
        first(12, b"prioryabc\0\0"),
        first(8, b"prioryabc\0\0"),
        frame(HEADERS, flags, 5, b""),
    ] {
        assert_eq!(joined(&[broken, last.clone()].concat()), None);
    }
}

#[test]
fn a_head_is_bounded_in_frames_and_bytes() {
    let mut empty = frame(HEADERS, 0, 1, b"");
    for _ in 0..MOST_FRAMES {
        empty.extend(frame(CONTINUATION, 0, 1, b""));
    }
    assert_eq!(begun().step(&empty), Err(Fault::Continuations));
    let mut large = frame(HEADERS, 0, 1, &[0; 600]);
    large.extend(frame(CONTINUATION, 0, 1, &[0; 401]));
    assert_eq!(begun().step(&large), Err(Fault::HeadTooLarge));
    let mut last = frame(HEADERS, 0, 1, &[0; 600]);
    last.extend(frame(CONTINUATION, END_HEADERS, 1, &[0; 401]));
    assert_eq!(begun().step(&last), Err(Fault::HeadTooLarge));
    // Told by its header already: what it announces is not waited for.
    assert_eq!(begun().step(&large[..618]), Err(Fault::HeadTooLarge));
    // What is no continuation of it goes to the codec, which says so.
    let mut other = frame(HEADERS, 0, 1, b"abc");
    other.extend(frame(CONTINUATION, 0, 3, b"def"));
    let passed = Step::Pass {
        bytes: 21,
        opened: None,
    };
    let mut frames = begun();
    assert_eq!(frames.step(&other), Ok(passed));
    let passed = Step::Pass {
        bytes: 3,
        opened: None,
    };
    assert_eq!(frames.step(&other[21..]), Ok(passed));
    // More than a frame of the codec's can hold cannot be joined.
    let limits = Limits {
        head: 40_000,
        frame: 16_384,
    };
    let mut in_pieces = frame(HEADERS, 0, 1, &[0; 16_384]);
    in_pieces.extend(frame(CONTINUATION, END_HEADERS, 1, &[0; 16_384]));
    let mut frames = Frames::new(limits);
    frames.step(PREFACE).unwrap();
    assert_eq!(frames.step(&in_pieces), Err(Fault::HeadTooLarge));
}

#[test]
fn frames_that_ask_for_nothing_are_bounded() {
    for (kind, flags) in [(4, 0), (6, 0), (6, 1), (2, 0), (8, 0), (0x20, 0), (DATA, 0)] {
        let mut frames = begun();
        let idle = frame(kind, flags, 1, b"");
        let passed = (0..=CONTROLS.0).take_while(|_| frames.step(&idle).is_ok());
        assert_eq!(passed.count(), CONTROLS.0 as usize, "{kind}");
        assert_eq!(frames.step(&idle), Err(Fault::Flood));
        frames.passed(Duration::from_secs(1));
        frames.carried(3 * BYTES_A_CREDIT as usize);
        let passed = (0..=CONTROLS.0).take_while(|_| frames.step(&idle).is_ok());
        assert_eq!(passed.count(), CONTROLS.1 as usize + 3, "{kind}");
    }
}

#[test]
fn resets_are_bounded_and_answers_earn_them() {
    let mut frames = begun();
    let reset = frame(RST_STREAM, 0, 1, &[0; 4]);
    for _ in 0..RESETS.0 {
        frames.step(&reset).unwrap();
        frames.step(&frame(HEADERS, END_HEADERS, 1, b"")).unwrap();
    }
    assert_eq!(frames.step(&reset), Err(Fault::Resets));
    frames.answered();
    frames.step(&reset).unwrap();
    assert_eq!(frames.step(&reset), Err(Fault::Resets));
}
