//! When are two header names one? Servers read them through CGI variables and kin, where everything
//! but letters and digits becomes one character: so do we.

use http::HeaderName;

/// The one spelling for all that servers may take for a name.
pub fn spelling(name: &HeaderName) -> String {
    let bytes = name.as_str().bytes();
    bytes.map(|byte| char::from(fold(byte))).collect()
}

/// Whether servers may take one name for the other.
pub fn are_one(one: &str, other: &str) -> bool {
    one.len() == other.len() && begins(one, other)
}

pub(super) fn begins(name: &str, start: &str) -> bool {
    let pairs = name.bytes().zip(start.bytes());
    name.len() >= start.len() && { pairs }.all(|(one, other)| fold(one) == fold(other))
}

pub(super) fn fold(byte: u8) -> u8 {
    FOLDED[usize::from(byte)]
}

/// What each byte is taken for: every received name is read by it.
static FOLDED: [u8; 256] = {
    let mut folded = [b'-'; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        if byte.is_ascii_alphanumeric() {
            folded[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
};
