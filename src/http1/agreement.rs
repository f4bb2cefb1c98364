//! What the walker and the reference must agree on, and the walker with itself, whatever the bytes
//! are and however they come. Tests and fuzzers call these, and they panic where there is none.

#![allow(unreachable_pub, reason = "public where the fuzzers include it")]

use super::reference::{self, Message, Read};
use super::{Limits, Place, Step, Violation, Walker};

/// On the first request in these bytes.
pub fn on_request(bytes: &[u8], limits: Limits) {
    let read = |bytes: &[u8]| reference::request(bytes, limits.head, limits.target);
    agree(bytes, Walker::requests(limits).step(bytes), read);
}

/// On the first answer in these bytes.
pub fn on_answer(bytes: &[u8], limits: Limits, to_head: bool) {
    let mut walker = Walker::answers(limits);
    walker.expect_answer(to_head);
    let read = |bytes: &[u8]| reference::answer(bytes, limits.head, to_head);
    agree(bytes, walker.step(bytes), read);
}

fn agree(bytes: &[u8], step: Result<Step, Violation>, read: impl Fn(&[u8]) -> Read) {
    match (step, read(bytes)) {
        (Ok(Step::Hold), Read::More) | (Err(_), Read::Refused) => {}
        (Ok(Step::Pass { bytes, ended }), Read::Message(message)) => {
            let Message { head, sent, .. } = message;
            assert_eq!((bytes, ended), (head + sent, message.ended));
        }
        (Ok(Step::Interim(bytes)), Read::Message(message)) => {
            assert!(matches!(message.status, 100 | 102..=199), "{message:?}");
            assert_eq!((bytes, 0), (message.head, message.sent));
        }
        // The walker tells what is wrong with a line when it has it, the reference at the end.
        (Err(violation), Read::More) => {
            let lines = bytes.iter().rposition(|byte| *byte == b'\n');
            let mut whole = bytes[..lines.map_or(0, |line| line + 1)].to_vec();
            whole.extend_from_slice(b"\r\n");
            assert_eq!(read(&whole), Read::Refused, "{violation}");
        }
        (step, read) => panic!("{step:?}, but {read:?}"),
    }
}

/// What became of a connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Course {
    /// Where each message ended, and each interim answer.
    pub ends: Vec<usize>,
    pub verdict: Result<Place, Violation>,
    /// What was passed, if nothing was refused.
    pub passed: Option<usize>,
    pub end: Result<(), Violation>,
}

/// Walks as an owner does, with bytes that come in pieces of these lengths, over and over.
/// `asks`: what each answer is to.
pub fn course(mut walker: Walker, bytes: &[u8], pieces: &[usize], asks: &[bool]) -> Course {
    let mut asks = asks.iter();
    let mut pieces = pieces.iter().copied().filter(|piece| *piece > 0).cycle();
    let (mut ends, mut come, mut passed) = (Vec::new(), 0, 0);
    let mut verdict = Ok(());
    if let Some(to_head) = asks.next() {
        walker.expect_answer(*to_head);
    }
    'connection: while come < bytes.len() {
        come = bytes
            .len()
            .min(come.saturating_add(pieces.next().unwrap_or(usize::MAX)));
        while passed < come {
            let step = match walker.step(&bytes[passed..come]) {
                Ok(step) => step,
                Err(violation) => {
                    verdict = Err(violation);
                    break 'connection;
                }
            };
            match step {
                Step::Hold => break,
                Step::Interim(bytes) => {
                    passed += bytes;
                    ends.push(passed);
                }
                Step::Pass { bytes, ended } => {
                    assert!(bytes > 0 && passed + bytes <= come, "{bytes} of nothing");
                    passed += bytes;
                    if ended {
                        ends.push(passed);
                        if let Some(to_head) = asks.next() {
                            walker.expect_answer(*to_head);
                        }
                    } else {
                        assert_eq!(passed, come, "something was left behind");
                    }
                }
            }
        }
    }
    let place = walker.place();
    let end = walker.end();
    if let Err(violation) = verdict {
        assert_eq!((place, walker.step(b"x")), (Place::Broken, Err(violation)));
    }
    Course {
        ends,
        verdict: verdict.map(|()| place),
        passed: verdict.is_ok().then_some(passed),
        end,
    }
}
