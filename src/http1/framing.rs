//! Where does a message end? What the fields of a head say of it, gathered line by line, and the
//! verdict over them (RFC 9112 §6): one way to tell, or none at all.

use super::Violation;
use super::octets::{is_blank, token_length};
use super::start_line::Version;

/// As many as the codec takes.
const FIELDS: u8 = 100;
/// The longest name of a field. The codec gives up, and not gently, at 64 KiB.
const NAME: usize = 1024;

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Sized(u64),
    Chunked,
    UntilClose,
}

/// What a head's fields say of the body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Framing {
    fields: u8,
    chunked: bool,
    length: Option<u64>,
}

impl Framing {
    /// Takes one line of a head, without its line end. `strict`: names that a gateway behind could
    /// read as those of framing are refused too.
    pub(super) fn read(&mut self, line: &[u8], strict: bool) -> Result<(), Violation> {
        let name = match token_length(line) {
            length @ 1..=NAME if line.get(length) == Some(&b':') => &line[..length],
            length => return Err(nameless(line, length)),
        };
        if self.fields == FIELDS {
            return Err(Violation::TooManyFields);
        }
        self.fields += 1;
        let Some(told) = Told::of(name) else {
            return Ok(());
        };
        let value = trimmed(&line[name.len() + 1..]);
        if name.contains(&b'_') {
            return if strict {
                Err(Violation::Lookalike)
            } else {
                Ok(())
            };
        }
        match told {
            Told::Length if self.length.is_some() => return Err(Violation::RepeatedLength),
            Told::Length => self.length = Some(length(value)?),
            Told::Coding if self.chunked => return Err(Violation::RepeatedCoding),
            Told::Coding if value.eq_ignore_ascii_case(b"chunked") => self.chunked = true,
            Told::Coding => return Err(Violation::Coding),
        }
        Ok(())
    }

    /// RFC 9112 §6.3, for a request.
    pub(super) fn of_request(self, version: Version) -> Result<Body, Violation> {
        Ok(self.told(version)?.unwrap_or(Body::Sized(0)))
    }

    /// RFC 9112 §6.3, for an answer. A coding in a 304, or to HEAD, is what §6.1 lets be said of
    /// the body that is not there.
    pub(super) fn of_answer(
        self,
        version: Version,
        status: u16,
        to_head: bool,
    ) -> Result<Body, Violation> {
        let told = self.told(version)?;
        match status {
            // What these announce, where they must not announce anything, some readers wait for.
            100..=199 | 204 if !matches!(told, None | Some(Body::Sized(0))) => {
                Err(Violation::BodyForbidden)
            }
            // What these announce is what a GET would have been answered with.
            100..=199 | 204 | 304 => Ok(Body::Sized(0)),
            _ if to_head => Ok(Body::Sized(0)),
            _ => Ok(told.unwrap_or(Body::UntilClose)),
        }
    }

    fn told(self, version: Version) -> Result<Option<Body>, Violation> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Violation::LengthBesideCoding),
            (true, None) if version == Version::Old => Err(Violation::CodingInOldVersion),
            (true, None) => Ok(Some(Body::Chunked)),
            (false, length) => Ok(length.map(Body::Sized)),
        }
    }
}

/// A field that tells where the body ends.
#[derive(Clone, Copy)]
enum Told {
    Length,
    Coding,
}

impl Told {
    /// In any case, and with `_` for `-`.
    fn of(name: &[u8]) -> Option<Self> {
        let (told, known): (_, &[u8]) = match name.len() {
            14 => (Self::Length, b"content-length"),
            17 => (Self::Coding, b"transfer-encoding"),
            _ => return None,
        };
        let mut pairs = name.iter().zip(known);
        let same = pairs.all(|(byte, known)| {
            byte.eq_ignore_ascii_case(known) || (*byte, *known) == (b'_', b'-')
        });
        same.then_some(told)
    }
}

/// What is wrong with a line that has so many token characters before something that is no colon
/// (RFC 9112 §5).
#[cold]
fn nameless(line: &[u8], tokens: usize) -> Violation {
    match (tokens, &line[tokens..]) {
        (0, [b':', ..]) => Violation::EmptyName,
        (_, [b':', ..]) => Violation::NameTooLong,
        (0, [first, ..]) if is_blank(*first) => Violation::Folded,
        (_, behind) if !behind.contains(&b':') => Violation::NoColon,
        (_, [first, ..]) if is_blank(*first) => Violation::BlankBeforeColon,
        _ => Violation::Name,
    }
}

/// Digits and nothing else, within what the codec can count.
fn length(value: &[u8]) -> Result<u64, Violation> {
    if value.is_empty() || value.len() > 19 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Violation::Length);
    }
    // INVARIANT: 19 digits are less than 2^64.
    Ok(value
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn trimmed(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|byte| !is_blank(*byte));
    let value = &value[start.unwrap_or(value.len())..];
    let end = value.iter().rposition(|byte| !is_blank(*byte));
    &value[..end.map_or(0, |end| end + 1)]
}
