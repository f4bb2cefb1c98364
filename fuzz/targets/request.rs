//! One request: the walker takes it where the reference does, and the codec's parser finds the same
//! end of the head in whatever passes.
#![no_main]

use bearergate_fuzz::reference::{self, Read};
use bearergate_fuzz::{LIMITS, agreement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    agreement::on_request(data, LIMITS);
    if let Read::Message(message) = reference::request(data, LIMITS.head, LIMITS.target) {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        let parsed = request.parse(data);
        assert_eq!(parsed, Ok(httparse::Status::Complete(message.head)));
        http::Uri::try_from(request.path.unwrap()).unwrap();
        http::Method::from_bytes(request.method.unwrap().as_bytes()).unwrap();
    }
});
