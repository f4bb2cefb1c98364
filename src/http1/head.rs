//! Where does a head end, and what does it say? It is read line by line, and each byte once,
//! however many pieces it comes in.

use super::framing::Framing;
use super::octets::{find_control, is_token};
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
    /// Up to where it has been read.
    seen: usize,
    empty_lines: u8,
    /// A byte of the first line has been seen.
    begun: bool,
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
        let start = match self.start {
            Some(start) => start,
            None => match self.start_line(bytes, direction, limits)? {
                Some(start) => start,
                None => return Ok(None),
            },
        };
        let bound = (limits.head, Violation::HeadTooLarge);
        while let Some(line) = self.next_line(bytes, direction, bound)? {
            if line.is_empty() {
                return Ok(Some(Head {
                    bytes: self.line,
                    start,
                    framing: self.framing,
                }));
            }
            self.framing.read(line, direction == Direction::Requests)?;
        }
        Ok(None)
    }

    fn start_line(
        &mut self,
        bytes: &[u8],
        direction: Direction,
        limits: &Limits,
    ) -> Result<Option<Start>, Violation> {
        loop {
            self.check_first(bytes, direction)?;
            let longest = self.line + longest_request_line(limits.target) + 2;
            let bound = match direction {
                Direction::Requests if longest < limits.head => (longest, Violation::TargetTooLong),
                _ => (limits.head, Violation::HeadTooLarge),
            };
            let Some(line) = self.next_line(bytes, direction, bound)? else {
                return Ok(None);
            };
            if !line.is_empty() {
                let start = read_start(line, direction, limits)?;
                self.start = Some(start);
                return Ok(self.start);
            }
            self.empty_lines += 1;
            if direction == Direction::Answers || self.empty_lines > EMPTY_LINES {
                return Err(Violation::EmptyLines);
            }
        }
    }

    /// A first byte that no message begins with is told at once: another protocol has no lines.
    fn check_first(&mut self, bytes: &[u8], direction: Direction) -> Result<(), Violation> {
        let first = match bytes.get(self.line) {
            None | Some(b'\r' | b'\n') => return Ok(()),
            Some(first) => *first,
        };
        self.begun = true;
        match direction {
            Direction::Requests if !is_token(first) => Err(Violation::Method),
            Direction::Answers if first != b'H' => Err(Violation::StatusLine),
            _ => Ok(()),
        }
    }

    /// The next line without its line end; `None`: it is not whole yet. With it, it may have so
    /// many bytes of the head before it and in it.
    // Once for each line of each head: a call costs a tenth of the whole.
    #[inline(always)]
    fn next_line<'a>(
        &mut self,
        bytes: &'a [u8],
        direction: Direction,
        (bound, too_long): (usize, Violation),
    ) -> Result<Option<&'a [u8]>, Violation> {
        loop {
            let Some(found) = find_control(&bytes[self.seen..]) else {
                self.seen = bytes.len();
                break;
            };
            self.seen += found;
            if self.seen >= bound {
                break;
            }
            let next = bytes.get(self.seen + 1);
            let end = match (bytes[self.seen], next) {
                (b'\r', _) if next.is_none() || self.seen + 1 >= bound => break,
                (b'\r', Some(b'\n')) => self.seen + 2,
                (b'\r', _) => return Err(Violation::BareCarriageReturn),
                (b'\t', _) => {
                    self.seen += 1;
                    continue;
                }
                (b'\n', _) if direction == Direction::Answers => self.seen + 1,
                (b'\n', _) => return Err(Violation::BareLineFeed),
                _ => return Err(Violation::Control),
            };
            let line = &bytes[self.line..self.seen];
            self.line = end;
            self.seen = end;
            return Ok(Some(line));
        }
        match bytes.len() >= bound {
            true => Err(too_long),
            false => Ok(None),
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
