//! One answer, to GET or HEAD: the walker takes it where the reference does, and the codec reads
//! the same body in what passes.
#![no_main]

use bearergate_fuzz::reference::{self, Read};
use bearergate_fuzz::{LIMITS, agreement, codec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let to_head = first % 2 == 1;
    agreement::on_answer(bytes, LIMITS, to_head);
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
