//! Each rule with a message that breaks it, in both directions, and what must hold of all messages.

use super::*;

const LIMITS: Limits = Limits {
    head: 4096,
    target: 1024,
};

fn request(bytes: &[u8]) -> Result<Step, Violation> {
    Walker::requests(LIMITS).step(bytes)
}

#[test]
fn a_whole_request_passes_at_once() {
    let get = b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n";
    let all = Ok(Step::Pass {
        bytes: get.len(),
        ended: true,
    });
    assert_eq!(request(get), all);
}
