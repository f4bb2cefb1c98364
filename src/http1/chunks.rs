//! Where does a chunked body end? RFC 9112 §7.1 to the letter, in pieces of any size, without
//! keeping any of them. Whoever reads line ends, sizes or extensions more freely than another
//! ends up with another message.

use super::Violation;
use super::octets::{is_blank, is_text, is_token};

/// So many digits fill what the codec counts in.
const DIGITS: u8 = 16;
/// Bytes of one chunk's extensions, and of all of a message. Nobody reads them, and each costs time.
const EXTENSION: u32 = 1024;
const EXTENSIONS: u32 = 8 * 1024;
/// Bytes and number of the trailer fields: less than the codec takes.
const TRAILERS: u32 = 8 * 1024;
const TRAILER_FIELDS: u8 = 64;

/// What RFC 9110 §6.5.1 keeps out of trailers: whoever merges them into the head would read another
/// message, for another host, from someone else.
const HEAD_ONLY: &[&[u8]] = &[
    b"authorization",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"host",
    b"keep-alive",
    b"max-forwards",
    b"proxy-authorization",
    b"proxy-connection",
    b"set-cookie",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];
const LONGEST_HEAD_ONLY: usize = 19;

/// Whether a field of this name, in lower case, may not come behind a body (RFC 9110 §6.5.1).
pub fn is_of_the_head(name: &str) -> bool {
    // SECURITY: as gateways to CGI and WSGI read it.
    let read = |byte: u8| if byte == b'_' { b'-' } else { byte };
    let is = |known: &&[u8]| name.bytes().map(read).eq(known.iter().copied());
    HEAD_ONLY.iter().any(is)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In a chunk's size, behind so many digits.
    Size(u8),
    /// Behind its `;`.
    Extension,
    /// Behind a size line's carriage return.
    SizeEnd,
    Data,
    /// Behind a chunk's data.
    DataEnd,
    DataLineFeed,
    /// Where a trailer field begins, or the last line.
    LineStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    LastLineFeed,
}

/// A chunked body on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunks {
    at: At,
    /// Of the chunk's size or of its data: what has been read, and then what is to come.
    left: u64,
    extension: u32,
    extensions: u32,
    trailers: u32,
    fields: u8,
    /// The beginning of a trailer field's name, in lower case, and its length.
    name: [u8; LONGEST_HEAD_ONLY],
    name_length: u8,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self {
            at: At::Size(0),
            left: 0,
            extension: 0,
            extensions: 0,
            trailers: 0,
            fields: 0,
            name: [0; LONGEST_HEAD_ONLY],
            name_length: 0,
        }
    }

    /// How many of these bytes are the body's, and whether it ends with them.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Result<(usize, bool), Violation> {
        let mut here = 0;
        while let Some(&byte) = bytes.get(here) {
            if self.at == At::Data {
                let rest = bytes.len() - here;
                let data = usize::try_from(self.left).map_or(rest, |left| left.min(rest));
                here += data;
                self.left -= data as u64;
                if self.left == 0 {
                    self.at = At::DataEnd;
                }
                continue;
            }
            here += 1;
            match self.next(byte)? {
                Some(at) => self.at = at,
                None => return Ok((here, true)),
            }
        }
        Ok((here, false))
    }

    /// What comes behind this byte, which is not data; `None`: the body has ended.
    fn next(&mut self, byte: u8) -> Result<Option<At>, Violation> {
        Ok(Some(match (self.at, byte) {
            (At::Size(digits), _) => self.size(digits, byte)?,
            (At::Extension, b'\r') => At::SizeEnd,
            (At::Extension, _) => self.extension(byte)?,
            (At::SizeEnd, b'\n') if self.left == 0 => At::LineStart,
            (At::SizeEnd, b'\n') => At::Data,
            (At::SizeEnd, _) => return Err(Violation::ChunkLineEnd),
            (At::DataEnd, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => At::Size(0),
            (At::Data | At::DataEnd | At::DataLineFeed, _) => return Err(Violation::ChunkDataEnd),
            (At::LastLineFeed, b'\n') => return Ok(None),
            _ => self.trailer(byte)?,
        }))
    }

    fn size(&mut self, digits: u8, byte: u8) -> Result<At, Violation> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b';' if digits > 0 => {
                self.extension = 0;
                return self.extension(byte);
            }
            b'\r' if digits > 0 => return Ok(At::SizeEnd),
            b'\n' => return Err(Violation::ChunkLineEnd),
            _ => return Err(Violation::ChunkSize),
        };
        if digits == DIGITS {
            return Err(Violation::ChunkSize);
        }
        // INVARIANT: before a size's first digit nothing is left of the chunk before.
        self.left = self.left << 4 | u64::from(digit);
        Ok(At::Size(digits + 1))
    }

    fn extension(&mut self, byte: u8) -> Result<At, Violation> {
        if byte == b'\n' {
            return Err(Violation::ChunkLineEnd);
        }
        if !is_text(byte) || !byte.is_ascii() {
            return Err(Violation::ChunkExtension);
        }
        self.extension += 1;
        self.extensions += 1;
        match self.extension > EXTENSION || self.extensions > EXTENSIONS {
            true => Err(Violation::ChunkExtensionTooLong),
            false => Ok(At::Extension),
        }
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Violation> {
        self.trailers += 1;
        // The last line feed is to come.
        if self.trailers >= TRAILERS {
            return Err(Violation::TrailersTooLarge);
        }
        match (self.at, byte) {
            (At::LineStart, b'\r') => Ok(At::LastLineFeed),
            (At::LineStart, _) if is_token(byte) => {
                if self.fields == TRAILER_FIELDS {
                    return Err(Violation::TrailersTooLarge);
                }
                self.fields += 1;
                self.name_length = 0;
                Ok(self.name(byte))
            }
            (At::LineStart, _) if is_blank(byte) => Err(Violation::Folded),
            (At::TrailerName, b':') if self.belongs_into_the_head() => {
                Err(Violation::TrailerForbidden)
            }
            (At::TrailerName, b':') => Ok(At::TrailerValue),
            (At::TrailerName, _) if is_token(byte) => Ok(self.name(byte)),
            (At::TrailerName, _) if is_blank(byte) => Err(Violation::BlankBeforeColon),
            (At::TrailerValue, b'\r') => Ok(At::TrailerEnd),
            (At::TrailerValue, _) if is_text(byte) => Ok(At::TrailerValue),
            (At::TrailerEnd, b'\n') => Ok(At::LineStart),
            (At::LineStart | At::TrailerValue | At::LastLineFeed, b'\n')
            | (At::TrailerEnd | At::LastLineFeed, _) => Err(Violation::ChunkLineEnd),
            _ => Err(Violation::Trailer),
        }
    }

    fn name(&mut self, byte: u8) -> At {
        if let Some(place) = self.name.get_mut(usize::from(self.name_length)) {
            // SECURITY: as gateways to CGI and WSGI read it.
            *place = if byte == b'_' {
                b'-'
            } else {
                byte.to_ascii_lowercase()
            };
        }
        self.name_length = self.name_length.saturating_add(1);
        At::TrailerName
    }

    fn belongs_into_the_head(&self) -> bool {
        let name = self.name.get(..usize::from(self.name_length));
        name.is_some_and(|name| HEAD_ONLY.contains(&name))
    }
}
