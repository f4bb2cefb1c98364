//! A chunked body in pieces: the walker finds its end where the reference does, and the codec reads
//! the same data.
#![no_main]

use bearergate_fuzz::{LIMITS, Walker, agreement, codec, pieces, reference};
use libfuzzer_sys::fuzz_target;

const HEAD: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    let (pieces, body) = pieces(data);
    let bytes = [HEAD, body].concat();
    agreement::on_request(&bytes, LIMITS);
    let walk = |pieces: &[usize]| agreement::course(Walker::requests(LIMITS), &bytes, pieces, &[]);
    let course = walk(&[]);
    assert_eq!(course, walk(&pieces));
    assert_eq!(course, walk(&[1]));
    if let Ok((data, sent, true)) = reference::chunks(body) {
        let (received, _) = codec::requests(&bytes[..HEAD.len() + sent]);
        let bodies: Vec<_> = received.into_iter().map(|request| request.body).collect();
        assert_eq!(bodies, [Some(data)]);
    }
});
