//! Where does a head end, and what does it say? It is read line by line, and each byte once,
//! however many pieces it comes in.

use memchr::memchr;

use super::framing::Framing;
use super::octets::{controls, is_token};
use super::start_line::{Version, longest_request_line, read_request_line, read_status_line};
use super::{Limits, Violation};

/// How many empty lines may stand before a request line (RFC 9112 §2.2: at least one).
const EMPTY_LINES: u8 = 4;

/// Which way the messages go. What is refused differs in these places only:
///
/// | | requests | answers |
/// |---|---|---|
/// | a line that ends in a line feed alone | refused | taken in a head; refused between chunks |
/// | empty lines before the first | four | none |
/// | `Content_Length`, `Transfer_Encoding` | refused | taken |
/// | neither a length nor a coding | no body | a body until the connection ends |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Requests,
    Answers,
}

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Request(Version),
    Answer(Version, u16),
}

/// A head that is whole.
pub(super) struct Head {
    pub(super) bytes: usize,
    pub(super) start: Start,
    pub(super) framing: Framing,
}

/// A head that is on its way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Where the line begins that is not whole yet.
    line: usize,
    /// Up to where its end has been looked for.
    seen: usize,
    empty_lines: u8,
    /// A byte of the first line has been seen.
    begun: bool,
    /// The line ends' own control characters.
    line_ends: usize,
    start: Option<Start>,
    framing: Framing,
}

impl Scan {
    /// Whether a byte of the first line has been seen.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Goes on, with all bytes of the head that there are by now; `None`: it is not whole yet.
    pub(super) fn go_on(
        &mut self,
        bytes: &[u8],
        direction: Direction,
        limits: &Limits,
    ) -> Result<Option<Head>, Violation> {
        loop {
            let (bound, too_long) = self.bound(direction, limits);
            let Some(found) = memchr(b'\n', &bytes[self.seen..]) else {
                self.seen = bytes.len();
                self.check_first(bytes, direction)?;
                return if bytes.len() >= bound {
                    Err(too_long)
                } else {
                    Ok(None)
                };
            };
            self.check_first(bytes, direction)?;
            let end = self.seen + found + 1;
            if end > bound {
                return Err(too_long);
            }
            let line = self.take_line(&bytes[self.line..end], direction)?;
            self.line = end;
            self.seen = end;
            match self.start {
                None if line.is_empty() => {
                    self.empty_lines += 1;
                    if direction == Direction::Answers || self.empty_lines > EMPTY_LINES {
                        return Err(Violation::EmptyLines);
                    }
                }
                None => self.start = Some(read_start(line, direction, limits)?),
                Some(start) if line.is_empty() => {
                    check_controls(&bytes[..end], self.line_ends)?;
                    let framing = self.framing;
                    return Ok(Some(Head {
                        bytes: end,
                        start,
                        framing,
                    }));
                }
                Some(_) => self.framing.read(line, direction == Direction::Requests)?,
            }
        }
    }

    /// Up to where the line may go, and what is wrong where it goes further.
    fn bound(&self, direction: Direction, limits: &Limits) -> (usize, Violation) {
        if self.start.is_none() && direction == Direction::Requests {
            let bound = self.line + longest_request_line(limits.target) + 2;
            if bound < limits.head {
                return (bound, Violation::TargetTooLong);
            }
        }
        (limits.head, Violation::HeadTooLarge)
    }

    /// A first byte that no message begins with is told at once: another protocol has no lines.
    fn check_first(&mut self, bytes: &[u8], direction: Direction) -> Result<(), Violation> {
        let first = match bytes.get(self.line) {
            None | Some(b'\r' | b'\n') => return Ok(()),
            Some(_) if self.begun => return Ok(()),
            Some(first) => *first,
        };
        self.begun = true;
        match direction {
            Direction::Requests if !is_token(first) => Err(Violation::Method),
            Direction::Answers if first != b'H' => Err(Violation::StatusLine),
            _ => Ok(()),
        }
    }

    /// The line without its line end.
    fn take_line<'a>(
        &mut self,
        line: &'a [u8],
        direction: Direction,
    ) -> Result<&'a [u8], Violation> {
        match line {
            [line @ .., b'\r', b'\n'] => {
                self.line_ends += 2;
                Ok(line)
            }
            [line @ .., _] if direction == Direction::Answers => {
                self.line_ends += 1;
                Ok(line)
            }
            _ => Err(Violation::BareLineFeed),
        }
    }
}

fn read_start(line: &[u8], direction: Direction, limits: &Limits) -> Result<Start, Violation> {
    match direction {
        Direction::Requests => read_request_line(line, limits.target).map(Start::Request),
        Direction::Answers => {
            read_status_line(line).map(|(version, status)| Start::Answer(version, status))
        }
    }
}

/// No control character in a head but its line ends and tabs, which are rare: then each is looked
/// at.
fn check_controls(head: &[u8], line_ends: usize) -> Result<(), Violation> {
    if controls(head) == line_ends {
        return Ok(());
    }
    for (at, byte) in head.iter().enumerate() {
        match byte {
            b'\r' if head.get(at + 1) != Some(&b'\n') => {
                return Err(Violation::BareCarriageReturn);
            }
            b'\t' | b'\r' | b'\n' => {}
            byte if byte.is_ascii_control() => return Err(Violation::Control),
            _ => {}
        }
    }
    Ok(())
}
