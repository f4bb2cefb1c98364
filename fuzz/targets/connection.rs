//! Everything that a caller sends on one connection, in pieces: the pieces change nothing, and the
//! codec reads in what passes the same requests, one after the other.
#![no_main]

use bearergate_fuzz::reference::{self, Read};
use bearergate_fuzz::{LIMITS, Walker, agreement, codec, pieces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (pieces, bytes) = pieces(data);
    let walk = |pieces: &[usize]| agreement::course(Walker::requests(LIMITS), bytes, pieces, &[]);
    let course = walk(&[]);
    assert_eq!(course, walk(&pieces));
    assert_eq!(course, walk(&[1]));

    let mut expected = Vec::new();
    let mut start = 0;
    for end in &course.ends {
        let request = &bytes[start..*end];
        match reference::request(request, LIMITS.head, LIMITS.target) {
            Read::Message(message) if message.ended => {
                assert_eq!(message.head + message.sent, request.len());
                expected.push(message.body);
            }
            other => panic!("{other:?}"),
        }
        start = *end;
    }
    // The codec may stop after any of them, for `Connection: close` and the like, but reads none
    // that is not there.
    let (received, ended) = codec::requests(&bytes[..start]);
    assert!(ended, "the codec complains");
    assert!(
        received.len() <= expected.len(),
        "more requests than were passed"
    );
    assert!(received.is_empty() == expected.is_empty());
    for (received, expected) in received.iter().zip(&expected) {
        assert_eq!(received.body.as_ref(), Some(expected));
    }
});
