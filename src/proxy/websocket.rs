//! Where does a frame of a WebSocket end (RFC 6455 §5.2)? Between two of them there is room for a
//! goodbye of our own.

use uuid::Uuid;

/// `1008`: what was allowed is so no longer.
pub(super) const POLICY: u16 = 1008;
/// `1001`: we go.
pub(super) const GOING_AWAY: u16 = 1001;

/// The longest head: two bytes, eight of length, four of mask.
const LONGEST_HEAD: usize = 14;

/// How far the frames of one direction have come.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; LONGEST_HEAD],
    /// Bytes of the head that have come.
    held: usize,
    /// Bytes of the payload that have not.
    left: u64,
}

impl Frames {
    /// Follows all of these bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = self.end_of_frame(rest) {
            rest = &rest[end..];
        }
    }

    /// Follows these bytes up to the end of the frame at hand, and tells where that is; `None`: it ends
    /// behind them, or nothing is at hand.
    pub(super) fn end_of_frame(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut here = 0;
        while let Some(&byte) = bytes.get(here) {
            if self.left > 0 {
                let rest = bytes.len() - here;
                let came = usize::try_from(self.left).map_or(rest, |left| left.min(rest));
                here += came;
                self.left -= came as u64;
            } else {
                self.head[self.held] = byte;
                self.held += 1;
                here += 1;
                if self.held < self.head_length() {
                    continue;
                }
                self.left = self.payload();
                self.held = 0;
            }
            if self.left == 0 {
                return Some(here);
            }
        }
        None
    }

    /// Whether no frame is under way.
    pub(super) fn is_between(&self) -> bool {
        self.held == 0 && self.left == 0
    }

    fn head_length(&self) -> usize {
        let second = if self.held < 2 { 0 } else { self.head[1] };
        let length = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + length + if second & 0x80 == 0 { 0 } else { 4 }
    }

    fn payload(&self) -> u64 {
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        match self.head[1] & 0x7f {
            126 => number(&self.head[2..4]),
            127 => number(&self.head[2..10]),
            length => u64::from(length),
        }
    }
}

/// The frame that closes (§5.5.1). Masked, as a client's must be (§5.3).
pub(super) fn close(code: u16, masked: bool) -> Vec<u8> {
    let words: &[u8] = match code {
        POLICY => b"token_expired",
        _ => b"going away",
    };
    let payload = [&code.to_be_bytes()[..], words].concat();
    // INVARIANT: the words are short.
    let length = payload.len() as u8;
    if !masked {
        return [&[0x88, length][..], &payload].concat();
    }
    let random = Uuid::new_v4();
    let mask = &random.as_bytes()[..4];
    let mut frame = [&[0x88, 0x80 | length][..], mask].concat();
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(one, other)| one ^ other),
    );
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mut frame = vec![0x82];
        let mask = if masked { 0x80 } else { 0 };
        match length {
            0..=125 => frame.push(mask | length as u8),
            126..=65_535 => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.extend(vec![0xff; length]);
        frame
    }

    #[test]
    fn frames_of_every_length_are_followed_in_pieces_of_any_size() {
        let frames: Vec<_> = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]
            .into_iter()
            .flat_map(|length| [frame(length, false), frame(length, true)])
            .collect();
        let ends: Vec<usize> = frames
            .iter()
            .scan(0, |sum, frame| {
                *sum += frame.len();
                Some(*sum)
            })
            .collect();
        let all = frames.concat();
        for size in [1, 2, 3, 7, 1000, all.len()] {
            let (mut follower, mut found, mut place) = (Frames::default(), Vec::new(), 0);
            for piece in all.chunks(size) {
                let mut rest = piece;
                while let Some(end) = follower.end_of_frame(rest) {
                    assert!(follower.is_between());
                    found.push(place + piece.len() - rest.len() + end);
                    rest = &rest[end..];
                }
                place += piece.len();
                assert_eq!(
                    follower.is_between(),
                    ends.contains(&place),
                    "{size} {place}"
                );
            }
            assert_eq!(found, ends, "{size}");
        }
    }

    #[test]
    fn a_goodbye_is_one_whole_frame() {
        for (code, masked) in [(POLICY, true), (POLICY, false), (GOING_AWAY, true)] {
            let frame = close(code, masked);
            assert_eq!((frame[0], frame[1] & 0x80 != 0), (0x88, masked));
            let mut frames = Frames::default();
            assert_eq!(frames.end_of_frame(&frame), Some(frame.len()));
            if !masked {
                assert_eq!(frame[2..4], code.to_be_bytes());
            }
        }
    }
}
