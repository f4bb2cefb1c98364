//! Which frames does our codec send? What it makes of a stream that the application never saw is known
//! from nothing else.

use super::frames::HEADER;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const GOAWAY: u8 = 0x7;
const END_STREAM: u8 = 0x1;
/// Bytes of a reset with its code.
const RESET: usize = HEADER + 4;

/// A frame that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The head of an answer, or its trailers.
    Head {
        stream: u32,
        is_last: bool,
    },
    Data {
        bytes: usize,
        is_last: bool,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    GoAway,
}

/// Follows what is sent.
#[derive(Debug, Default)]
pub struct Sent {
    begun: [u8; RESET],
    filled: usize,
    /// Bytes that are left of the payload at hand.
    left: usize,
}

impl Sent {
    /// Whether nothing of a frame is out without the rest.
    pub const fn is_between_frames(&self) -> bool {
        self.filled == 0 && self.left == 0
    }

    pub fn follow(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let length = self.left.min(bytes.len());
                self.left -= length;
                bytes = &bytes[length..];
                continue;
            }
            let wanted = match self.filled >= HEADER && self.begun[3] == RST_STREAM {
                true => RESET,
                false => HEADER,
            };
            let length = (wanted - self.filled).min(bytes.len());
            self.begun[self.filled..self.filled + length].copy_from_slice(&bytes[..length]);
            self.filled += length;
            bytes = &bytes[length..];
            if self.filled < wanted || wanted == HEADER && self.begun[3] == RST_STREAM {
                continue;
            }
            self.filled = 0;
            let [a, b, c, kind, flags, s, t, u, v, code @ ..] = self.begun;
            let payload = u32::from_be_bytes([0, a, b, c]) as usize;
            self.left = payload.saturating_sub(wanted - HEADER);
            let stream = u32::from_be_bytes([s, t, u, v]);
            let is_last = flags & END_STREAM != 0;
            match kind {
                DATA => each(Frame::Data {
                    bytes: payload,
                    is_last,
                }),
                HEADERS => each(Frame::Head { stream, is_last }),
                RST_STREAM => each(Frame::Reset {
                    stream,
                    code: u32::from_be_bytes(code),
                }),
                GOAWAY => each(Frame::GoAway),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_in_whatever_pieces_they_are_written() {
        let mut bytes = vec![0, 0, 6, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6];
        bytes.extend([0, 0, 2, 1, 5, 0, 0, 0, 1, 9, 9]);
        bytes.extend([0, 0, 3, 0, 1, 0, 0, 0, 3, 1, 2, 3]);
        bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 5, 0, 0, 0, 7]);
        bytes.extend([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
        for piece in 1..bytes.len() {
            let (mut sent, mut told) = (Sent::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                sent.follow(piece, |frame| told.push(frame));
            }
            assert!(sent.is_between_frames());
            let expected = [
                Frame::Head {
                    stream: 1,
                    is_last: true,
                },
                Frame::Data {
                    bytes: 3,
                    is_last: true,
                },
                Frame::Reset { stream: 5, code: 7 },
                Frame::GoAway,
            ];
            assert_eq!(told, expected, "{piece}");
            sent.follow(&[0, 0, 1], |_| {});
            assert!(!sent.is_between_frames());
        }
    }
}
