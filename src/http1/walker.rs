//! Which bytes of a connection are one message's? Each direction of a connection has a walker; its
//! owner shows it what came, and hands to the codec what it lets pass.

use super::Violation;
use super::chunks::Chunks;
use super::framing::Body;
use super::head::{Direction, Scan, Start};

/// How many interim answers may come before the final one.
const INTERIM: u8 = 32;

/// The bounds of a head, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole head, with its line ends and the empty line.
    pub head: usize,
    /// The request target; of no meaning for answers.
    pub target: usize,
}

/// What may be done with the bytes that were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Not a whole head yet: to be kept, and shown again with more behind them.
    Hold,
    /// A whole interim answer (1xx but 101), of so many bytes: not for the codec.
    Interim(usize),
    /// So many bytes, from the first, are this message's and may be handed on.
    Pass {
        bytes: usize,
        /// The message is complete with them.
        ended: bool,
    },
}

/// Where a direction stands, for the deadlines above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// No byte of a message has come since the last one.
    Idle,
    /// Some of a head has come, but not all.
    Head,
    /// The head is through, the body is not.
    Body,
    /// What comes is no longer HTTP.
    Tunnel,
    /// A rule was broken: nothing more can be read.
    Broken,
}

/// Follows one direction of a connection, message by message.
#[derive(Debug)]
pub struct Walker {
    direction: Direction,
    limits: Limits,
    stage: Stage,
    /// Answers: whether the request that waits was HEAD; `None`: no request waits.
    asked: Option<bool>,
    interim: u8,
}

#[derive(Debug)]
enum Stage {
    Head(Scan),
    Sized(u64),
    Chunked(Chunks),
    UntilClose,
    Tunnel,
    Broken(Violation),
}

impl Walker {
    /// Forgets a head that was malformed: it comes again in another spelling.
    pub fn begin_again(&mut self) {
        self.stage = Stage::Head(Scan::default());
    }

    /// For what a caller sends.
    pub fn requests(limits: Limits) -> Self {
        Self::new(Direction::Requests, limits)
    }

    /// For what an upstream sends. Nothing is taken before `expect_answer`.
    pub fn answers(limits: Limits) -> Self {
        Self::new(Direction::Answers, limits)
    }

    fn new(direction: Direction, limits: Limits) -> Self {
        Self {
            direction,
            limits,
            stage: Stage::Head(Scan::default()),
            asked: None,
            interim: 0,
        }
    }

    /// A request goes out; to be called before its answer's first byte. An answer to HEAD has no
    /// body, whatever it announces (RFC 9112 §6.3).
    pub fn expect_answer(&mut self, to_head: bool) {
        self.asked = Some(to_head);
        self.interim = 0;
    }

    /// What may be done with these bytes. They begin where the last step's `bytes` ended; after
    /// `Hold`, where they began then. A rule that was broken stays broken.
    ///
    /// # Errors
    ///
    /// None of these bytes may be handed on, nor any that come later.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        let step = self.walk(bytes);
        if let Err(violation) = step {
            self.stage = Stage::Broken(violation);
        }
        step
    }

    /// The connection has ended, for what is sent this way.
    ///
    /// # Errors
    ///
    /// It ended within a message.
    pub fn end(&mut self) -> Result<(), Violation> {
        match &self.stage {
            Stage::Head(scan) if scan.has_begun() => Err(Violation::Truncated),
            Stage::Head(_) | Stage::Tunnel => Ok(()),
            Stage::UntilClose => {
                self.message_ended();
                Ok(())
            }
            Stage::Sized(_) | Stage::Chunked(_) => Err(Violation::Truncated),
            Stage::Broken(violation) => Err(*violation),
        }
    }

    /// 101 was agreed on: what comes from here on is not HTTP, and passes.
    pub fn tunnel(&mut self) {
        self.stage = Stage::Tunnel;
    }

    pub fn place(&self) -> Place {
        match &self.stage {
            Stage::Head(scan) if scan.has_begun() => Place::Head,
            Stage::Head(_) => Place::Idle,
            Stage::Sized(_) | Stage::Chunked(_) | Stage::UntilClose => Place::Body,
            Stage::Tunnel => Place::Tunnel,
            Stage::Broken(_) => Place::Broken,
        }
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        if bytes.is_empty() {
            return Ok(Step::Hold);
        }
        let head = match &mut self.stage {
            Stage::Head(_) if self.direction == Direction::Answers && self.asked.is_none() => {
                return Err(Violation::Unasked);
            }
            Stage::Head(scan) => scan.go_on(bytes, self.direction, &self.limits)?,
            Stage::Broken(violation) => return Err(*violation),
            _ => return self.pass(bytes, 0),
        };
        let Some(head) = head else {
            return Ok(Step::Hold);
        };
        let body = match head.start {
            Start::Request(version) => head.framing.of_request(version)?,
            Start::Answer(version, status) => {
                let to_head = self.asked.unwrap_or_default();
                let body = head.framing.of_answer(version, status, to_head)?;
                if matches!(status, 100 | 102..=199) {
                    return self.interim(head.bytes);
                }
                body
            }
        };
        self.stage = match body {
            Body::Sized(bytes) => Stage::Sized(bytes),
            Body::Chunked => Stage::Chunked(Chunks::new()),
            Body::UntilClose => Stage::UntilClose,
        };
        self.pass(bytes, head.bytes)
    }

    fn interim(&mut self, bytes: usize) -> Result<Step, Violation> {
        if self.interim == INTERIM {
            return Err(Violation::TooManyInterim);
        }
        self.interim += 1;
        self.stage = Stage::Head(Scan::default());
        Ok(Step::Interim(bytes))
    }

    /// The head's bytes, and what is there of the body behind them.
    fn pass(&mut self, bytes: &[u8], head: usize) -> Result<Step, Violation> {
        let rest = &bytes[head..];
        let (body, ended) = match &mut self.stage {
            Stage::Sized(left) => {
                let body = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                *left -= body as u64;
                (body, *left == 0)
            }
            Stage::Chunked(chunks) => chunks.go_on(rest)?,
            _ => (rest.len(), false),
        };
        if ended {
            self.message_ended();
        }
        let bytes = head + body;
        Ok(Step::Pass { bytes, ended })
    }

    fn message_ended(&mut self) {
        self.stage = Stage::Head(Scan::default());
        self.asked = None;
    }
}

#[cfg(test)]
#[path = "walker_tests.rs"]
mod tests;
