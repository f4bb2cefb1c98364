//! Where do the frames end that a peer sends, and what do they ask for? Each header of a frame is read
//! before the codec gets it. A head that comes in several frames is held until it is whole, and then
//! handed over as one: what a codec makes of a part can differ from what it makes of the whole.

use std::time::Duration;

use bytes::{BufMut, BytesMut};

use super::Fault;
use super::budget::Budget;
use super::fields::{Fields, Held};

/// What every connection begins with (RFC 9113 §3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's header (RFC 9113 §4.1).
pub(super) const HEADER: usize = 9;
/// Frames that one head may come in.
const MOST_FRAMES: usize = 32;
/// Frames that ask for nothing: so many at once, so many a second, and one for each so many bytes of
/// bodies, either way.
const CONTROLS: (u32, u32) = (1000, 100);
const BYTES_A_CREDIT: u32 = 1024;
/// Streams that are reset by who opened them: so many at once, so many a second, and one for each
/// that was answered.
const RESETS: (u32, u32) = (500, 50);

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// What stands before a head's fields with that flag (RFC 9113 §6.2).
const PRIORITY_BYTES: usize = 5;

/// Bounds in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A head as it is sent, compressed.
    pub head: usize,
    /// A frame's payload, as the codec takes it.
    pub frame: usize,
}

/// What may be done with the bytes that are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More must come before they can be judged.
    Hold { in_head: bool },
    /// So many may go on.
    Pass { bytes: usize, opened: Opened },
    /// So many are a head in several frames: they go on as `joined`.
    Join { bytes: usize, opened: Opened },
}

/// The stream that was opened by what passed.
pub type Opened = Option<Opening>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    pub stream: u32,
    /// Its path has a `#`, or cannot be read: the codec would cut it there.
    pub has_fragment: bool,
}

/// Follows what a peer sends.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    limits: Limits,
    /// Bytes of the preface that have come.
    preface: usize,
    /// Bytes that are left of the payload at hand.
    left: usize,
    last: u32,
    controls: Budget,
    resets: Budget,
    /// Bytes of bodies that have not earned a credit yet.
    bytes: u32,
    fields: Fields,
    /// What came could not be read: nor can what follows.
    is_lost: bool,
}

#[derive(Clone, Copy)]
struct Header {
    length: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, s, t, u, v] = *bytes.first_chunk::<HEADER>()?;
        Some(Self {
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            kind,
            flags,
            stream: u32::from_be_bytes([s, t, u, v]) & 0x7fff_ffff,
        })
    }

    const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl Frames {
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            preface: 0,
            left: 0,
            last: 0,
            controls: Budget::new(CONTROLS.0, CONTROLS.1),
            resets: Budget::new(RESETS.0, RESETS.1),
            bytes: 0,
            fields: Fields::new(),
            is_lost: false,
        }
    }

    /// Whether the preface has come as a whole.
    pub const fn has_begun(&self) -> bool {
        self.preface == PREFACE.len()
    }

    /// Judges what is here, one frame at a time.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Fault> {
        let pass = |bytes| {
            Ok(Step::Pass {
                bytes,
                opened: None,
            })
        };
        if !self.has_begun() {
            let expected = &PREFACE[self.preface..];
            let length = expected.len().min(bytes.len());
            if bytes[..length] != expected[..length] {
                return Err(Fault::Preface);
            }
            self.preface += length;
            return pass(length);
        }
        if self.left > 0 {
            let length = self.left.min(bytes.len());
            self.left -= length;
            return pass(length);
        }
        let Some(header) = Header::read(bytes) else {
            return Ok(Step::Hold { in_head: false });
        };
        // Of one that is too long the codec tells the peer, without reading it.
        if header.kind == HEADERS && header.length <= self.limits.frame {
            return self.head(header, bytes);
        }
        self.charge(header)?;
        let length = bytes.len().min(HEADER + header.length);
        self.left = HEADER + header.length - length;
        pass(length)
    }

    fn head(&mut self, header: Header, bytes: &[u8]) -> Result<Step, Fault> {
        let hold = Ok(Step::Hold { in_head: true });
        let mut end = HEADER + header.length;
        let mut flags = header.flags;
        let mut frames = 1;
        while flags & END_HEADERS == 0 {
            if frames == MOST_FRAMES {
                return Err(Fault::Continuations);
            }
            if end - frames * HEADER > self.limits.head {
                return Err(Fault::HeadTooLarge);
            }
            let Some(next) = bytes.get(end..).and_then(Header::read) else {
                return hold;
            };
            if next.kind != CONTINUATION
                || next.stream != header.stream
                || next.length > self.limits.frame
            {
                // The codec says what is wrong.
                self.left = next.length;
                return Ok(Step::Pass {
                    bytes: end + HEADER,
                    opened: None,
                });
            }
            flags = next.flags;
            end += HEADER + next.length;
            frames += 1;
        }
        let most = self.limits.head.min(self.limits.frame);
        if frames > 1 && end - frames * HEADER > most {
            return Err(Fault::HeadTooLarge);
        }
        if bytes.len() < end {
            return hold;
        }
        let held = self.read(header, &bytes[..end], frames)?;
        let opened = (header.stream > self.last).then_some(Opening {
            stream: header.stream,
            has_fragment: held.fragment,
        });
        if opened.is_none() && held.pseudo {
            return Err(Fault::TrailerForbidden);
        }
        self.last = self.last.max(header.stream);
        self.controls.earn(2);
        Ok(match frames > 1 {
            false => Step::Pass { bytes: end, opened },
            true => Step::Join { bytes: end, opened },
        })
    }

    /// What is in a head that came in so many frames. Of what cannot be read the codec says what is wrong.
    fn read(&mut self, header: Header, bytes: &[u8], frames: usize) -> Result<Held, Fault> {
        if self.is_lost {
            return Err(Fault::Connection);
        }
        let before = if header.has(PRIORITY) {
            PRIORITY_BYTES
        } else {
            0
        };
        let held = match frames {
            1 => unpadded(header, &bytes[HEADER..])
                .and_then(|block| self.fields.read(&block[before..])),
            _ => joined(bytes).and_then(|whole| self.fields.read(&whole[HEADER + before..])),
        };
        self.is_lost = held.is_none();
        Ok(held.unwrap_or(Held {
            fragment: true,
            pseudo: false,
        }))
    }

    fn charge(&mut self, header: Header) -> Result<(), Fault> {
        match header.kind {
            DATA if header.length > 0 => {
                self.carried(header.length);
                Ok(())
            }
            DATA if header.has(END_STREAM) => Ok(()),
            RST_STREAM if !self.resets.spend() => Err(Fault::Resets),
            RST_STREAM => Ok(()),
            _ if !self.controls.spend() => Err(Fault::Flood),
            _ => Ok(()),
        }
    }

    /// So many bytes of a body went either way.
    pub fn carried(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
        self.controls.earn(self.bytes / BYTES_A_CREDIT);
        self.bytes %= BYTES_A_CREDIT;
    }

    /// A stream was answered to its end.
    pub fn answered(&mut self) {
        self.resets.earn(1);
    }

    pub fn passed(&mut self, time: Duration) {
        self.controls.passed(time);
        self.resets.passed(time);
    }
}

/// A head that came in several frames, as one of HEADERS, without padding. `None`: its first frame has
/// less in it than it says.
pub fn joined(frames: &[u8]) -> Option<BytesMut> {
    let first = Header::read(frames)?;
    let mut whole = BytesMut::with_capacity(frames.len());
    whole.put_slice(&[0; HEADER]);
    let end = HEADER + first.length;
    whole.put_slice(unpadded(first, frames.get(HEADER..end)?)?);
    let mut rest = &frames[end..];
    while let Some(header) = Header::read(rest) {
        let end = HEADER + header.length;
        whole.put_slice(rest.get(HEADER..end)?);
        rest = &rest[end..];
    }
    let [none, length @ ..] = u32::try_from(whole.len() - HEADER).ok()?.to_be_bytes();
    (none == 0).then_some(())?;
    whole[..3].copy_from_slice(&length);
    whole[3] = HEADERS;
    whole[4] = first.flags & !PADDED | END_HEADERS;
    whole[5..HEADER].copy_from_slice(&first.stream.to_be_bytes());
    Some(whole)
}

fn unpadded(header: Header, payload: &[u8]) -> Option<&[u8]> {
    let payload = match header.has(PADDED) {
        true => {
            let (padding, payload) = payload.split_first()?;
            let length = payload.len().checked_sub(usize::from(*padding))?;
            &payload[..length]
        }
        false => payload,
    };
    let is_whole = !header.has(PRIORITY) || payload.len() >= PRIORITY_BYTES;
    is_whole.then_some(payload)
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
