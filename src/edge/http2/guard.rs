//! The stream below HTTP/2's codec: what a peer sends is judged frame by frame, a head goes on when it is
//! whole, who is too slow ends here, and what the codec does to streams that the application never saw is
//! noticed.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::head::{Head, Heads};
use crate::edge::conversation::{Conversation, Stage};
use crate::edge::crowd::{Crowd, Unfinished};
use crate::edge::deadline::{Deadline, timed_out};
use crate::edge::socket::CallerSocket;
use crate::edge::stall::Stall;
use crate::edge::{Limits, Misread, Timeouts};
use crate::http2::{self, Fault, Frames, Opened, Opening, Sent, Step, joined};

/// Between two moments at which time is given to a peer's budget.
const TICK: Duration = Duration::from_millis(10);
/// The least and the most that a frame's payload may be agreed to hold (RFC 9113 §4.2).
const FRAME: (usize, usize) = (16 * 1024, (1 << 24) - 1);
/// Streams that are remembered until they come to the application or are refused.
const MOST_UNMET: usize = 1024;

/// What a frame may hold. SECURITY: a whole head goes into one, for in pieces a codec overlooks at
/// their seams what it refuses elsewhere.
pub(super) fn frame(limits: &Limits) -> usize {
    limits.header.clamp(FRAME.0, FRAME.1)
}

pub(super) struct Guard {
    pub(super) socket: CallerSocket,
    pub(super) frames: Frames,
    pub(super) sent: Sent,
    timeouts: Timeouts,
    pub(super) conversation: Arc<Conversation>,
    crowd: Arc<Crowd>,
    /// Read, and not handed on.
    pending: BytesMut,
    /// How many bytes of it may be.
    judged: usize,
    /// The rest of it cannot be judged before more comes.
    held: bool,
    in_head: bool,
    /// Of the head at hand.
    deadline: Deadline,
    pub(super) stall: Stall,
    unfinished: Unfinished,
    ticked: Instant,
    /// Streams that were opened, and have not come to the application.
    pub(super) unmet: VecDeque<Opening>,
    pub(super) refused: Vec<Fault>,
    /// Of streams that the application has, and that have no answer so far.
    pub(super) heads: Heads,
}

impl Guard {
    /// `read`: what came of it already.
    pub(super) fn new(
        socket: CallerSocket,
        read: BytesMut,
        limits: &Limits,
        timeouts: Timeouts,
        conversation: Arc<Conversation>,
        crowd: Arc<Crowd>,
    ) -> Self {
        Self {
            socket,
            frames: Frames::new(http2::Limits {
                head: limits.header,
                frame: frame(limits),
            }),
            sent: Sent::default(),
            timeouts,
            unfinished: Unfinished::of(Arc::clone(&crowd), Arc::clone(&conversation)),
            conversation,
            crowd,
            // What came of it is of the preface.
            in_head: !read.is_empty(),
            pending: read,
            judged: 0,
            held: false,
            deadline: Deadline::after(timeouts.header),
            stall: Stall::of(timeouts.body),
            ticked: Instant::now(),
            unmet: VecDeque::new(),
            refused: Vec::new(),
            heads: Heads::default(),
        }
    }

    /// The application has this stream, and is told when its answer's head is out. Whether its path had a
    /// `#`, which the codec does not tell: what is not remembered any more may have had one.
    pub(super) fn met(&mut self, stream: u32, head: &Arc<Head>) -> bool {
        self.heads.await_of(stream, head);
        let place = self.unmet.iter().position(|unmet| unmet.stream == stream);
        let opening = place.and_then(|place| self.unmet.remove(place));
        opening.is_none_or(|opening| opening.has_fragment)
    }

    /// Why streams never came to the application, since this was asked last.
    pub(super) fn take_refused(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.refused)
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.read_frames(cx, buf);
        match read {
            Poll::Ready(Err(why)) => {
                return Poll::Ready(Err(match why {
                    Unread::Io(why) => why,
                    Unread::Fault(fault) => self.refuse(Misread::Http2(fault)),
                }));
            }
            Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
            Poll::Pending if !self.in_head => return Poll::Pending,
            Poll::Pending => {}
        }
        if self.conversation.is_leaving()
            || self.conversation.is_in_use() && self.crowd.is_pressed()
        {
            return Poll::Ready(Err(self.refuse(Misread::Crowded)));
        }
        self.unfinished.is(self.pending.capacity());
        let late = self.deadline.poll(cx);
        late.map(|()| Err(self.refuse(Misread::Late)))
    }

    fn read_frames(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Unread>> {
        loop {
            if !self.held && self.judged < self.pending.len() {
                self.judge()?;
            }
            if self.judged > 0 {
                let bytes = self.judged.min(buf.remaining());
                buf.put_slice(&self.pending[..bytes]);
                self.pending.advance(bytes);
                self.judged -= bytes;
                if self.pending.is_empty() {
                    // It would keep the room of all that ever waited.
                    self.pending = BytesMut::new();
                }
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.socket).poll_read(cx, buf)).map_err(Unread::Io)?;
            if buf.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            self.tick();
            if self.pending.is_empty() {
                // Most frames go on as they came.
                let passed = self.pass(&buf.filled()[before..])?;
                self.pending
                    .extend_from_slice(&buf.filled()[before + passed..]);
                buf.set_filled(before + passed);
                self.held = false;
                if passed > 0 {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            self.pending.extend_from_slice(&buf.filled()[before..]);
            buf.set_filled(before);
            self.held = false;
        }
    }

    /// How many of these may go on as they are, up to what has to be held or joined.
    fn pass(&mut self, came: &[u8]) -> Result<usize, Unread> {
        let mut passed = 0;
        while passed < came.len() {
            // A copy of a few words: a step that is not of this kind is taken again, on what is held.
            let mut ahead = self.frames;
            match ahead.step(&came[passed..]).map_err(Unread::Fault)? {
                Step::Pass { bytes, opened } => {
                    self.frames = ahead;
                    passed += bytes;
                    self.opened(opened);
                }
                Step::Hold { .. } | Step::Join { .. } => break,
            }
        }
        self.went_on();
        Ok(passed)
    }

    /// Judges what is pending behind what was judged before.
    fn judge(&mut self) -> Result<(), Unread> {
        let step = self.frames.step(&self.pending[self.judged..]);
        match step.map_err(Unread::Fault)? {
            Step::Pass { bytes, opened } => {
                self.judged += bytes;
                self.opened(opened);
                self.went_on();
            }
            Step::Join { bytes, opened } => {
                let behind = self.pending.split_off(self.judged + bytes);
                let head = self.pending.split_off(self.judged);
                let whole = joined(&head).ok_or(Unread::Fault(Fault::Connection))?;
                self.judged += whole.len();
                self.pending.unsplit(whole);
                self.pending.extend_from_slice(&behind);
                self.opened(opened);
                self.went_on();
            }
            Step::Hold { in_head } => {
                self.held = true;
                if in_head && !self.in_head {
                    self.head_begins();
                }
            }
        }
        Ok(())
    }

    fn opened(&mut self, opened: Opened) {
        if let Some(opening) = opened {
            if self.unmet.len() == MOST_UNMET {
                self.unmet.pop_front();
            }
            self.unmet.push_back(opening);
        }
    }

    /// The preface is timed as a head is.
    fn went_on(&mut self) {
        match (self.frames.has_begun(), self.in_head) {
            (false, false) => self.head_begins(),
            (true, true) => self.head_ended(),
            _ => {}
        }
    }

    fn head_begins(&mut self) {
        self.in_head = true;
        self.deadline.move_to(self.timeouts.header);
        if self.conversation.stage() == Stage::Idle {
            let now = self.deadline.moved(self.timeouts.header);
            self.conversation.since(Stage::Head, self.crowd.clock(now));
        }
    }

    fn head_ended(&mut self) {
        self.in_head = false;
        self.unfinished.none();
        if self.conversation.stage() == Stage::Head {
            self.conversation.set(Stage::Idle);
        }
    }

    fn tick(&mut self) {
        let passed = self.ticked.elapsed();
        if passed >= TICK {
            self.ticked += passed;
            self.frames.passed(passed);
        }
    }

    fn refuse(&self, why: Misread) -> io::Error {
        self.conversation.refuse(why);
        timed_out("the connection is not read any further")
    }
}

enum Unread {
    Io(io::Error),
    Fault(Fault),
}

impl AsyncRead for Guard {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().read(cx, buf)
    }
}
