//! Answers on one connection, to GET and HEAD, in pieces: the first is taken where the reference
//! takes it, the pieces change nothing, and the codec reads the same body in what passes.
#![no_main]

use bearergate_fuzz::reference::{self, Read};
use bearergate_fuzz::{LIMITS, Walker, agreement, codec, pieces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let asks: Vec<bool> = (0..4).map(|bit| first >> bit & 1 == 1).collect();
    let to_head = asks[0];
    let (pieces, bytes) = pieces(rest);
    agreement::on_answer(bytes, LIMITS, to_head);
    let walk = |pieces: &[usize]| agreement::course(Walker::answers(LIMITS), bytes, pieces, &asks);
    let course = walk(&[]);
    assert_eq!(course, walk(&pieces));
    assert_eq!(course, walk(&[1]));

    let Read::Message(message) = reference::answer(bytes, LIMITS.head, to_head) else {
        return;
    };
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let parsed = httparse::Response::new(&mut fields).parse(bytes);
    assert_eq!(parsed, Ok(httparse::Status::Complete(message.head)));
    if message.status < 200 {
        return;
    }
    let passed = &bytes[..message.head + message.sent];
    let received = codec::answer(passed, to_head).expect("the codec takes no such answer");
    assert_eq!(received.start, message.status.to_string());
    match received.body {
        Some(body) => assert_eq!(body, message.body),
        None => assert!(!message.ended),
    }
});
