//! What the guard below the codec and the application above it tell each other of one connection:
//! how far the request at hand has come, and what goes past the codec.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::{CallerStream, Misread};
use crate::http1::Violation;

/// What takes a connection over when its codec has sent `101`.
pub type Tunnel = Box<dyn FnOnce(CallerStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// One connection's. A task reads and writes it; the atomics are there because hyper wants `Send`.
pub struct Conversation {
    peer: SocketAddr,
    /// For whom a proxy said that it speaks.
    client: OnceLock<SocketAddr>,
    /// By which its listener's crowd knows it.
    pub(super) number: AtomicU64,
    encrypted: AtomicBool,
    stage: AtomicU8,
    /// Why what came is no request.
    misread: OnceLock<Misread>,
    /// Its method and a cut of its path, as far as they could be read.
    begun: OnceLock<(String, String)>,
    /// An answer was broken off whose end only the connection's end tells.
    cut: AtomicBool,
    has_interim: AtomicBool,
    /// Of the request at hand.
    body_has_begun: AtomicBool,
    /// Nothing is lost where its caller is gone before it is answered.
    abandonable: AtomicBool,
    /// When it last began to rest, by its listener's clock; or, in a head, when that began.
    since: AtomicU64,
    /// Bytes of a head that is unfinished, as they are counted.
    pub(super) held: AtomicUsize,
    /// Whether it may be asked to leave; of the words below.
    hold: AtomicU8,
    task: AtomicWaker,
    aside: Mutex<Aside>,
}

/// Characters of a path that are told.
const TOLD: usize = 200;

/// Nothing is lost with it.
const RESTS: u8 = 0;
/// A request of its is at hand.
const IN_USE: u8 = 1;
/// It was asked to leave, and gets no request through any more.
const LEAVES: u8 = 2;

/// A connection that is of no use to anybody; whoever is least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Resting {
    /// Since when, by the listener's clock; who is idle, and may be about to speak, counts as younger
    /// by a grace.
    pub(super) since: u64,
    /// Some of a head has come.
    pub(super) is_in_head: bool,
}

/// By how much, in nanoseconds. An honest head is there within moments of its first byte.
pub(super) const GRACE: u64 = 1_000_000_000;

#[derive(Default)]
struct Aside {
    /// Heads of interim answers (RFC 9110 §15.2), to be written before the final one.
    interim: Vec<u8>,
    tunnel: Option<Tunnel>,
    /// Who reads on when the answer at hand is complete.
    next: Option<Waker>,
}

/// How far the request at hand has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No byte of it has come.
    Idle,
    /// Some of its head has.
    Head,
    /// The codec has its whole head.
    Parsing,
    /// The application has it.
    Serving,
    /// It is answered, and its body has not come.
    Unread,
    /// Its answer is whole in the codec, and some of it may still wait there.
    Sending,
    /// It is answered.
    Answered,
    /// It is none; `misread` says why.
    Refused,
    /// The peer left in the middle of its head.
    Gone,
}

impl Stage {
    const ALL: [Self; 9] = [
        Self::Idle,
        Self::Head,
        Self::Parsing,
        Self::Serving,
        Self::Unread,
        Self::Sending,
        Self::Answered,
        Self::Refused,
        Self::Gone,
    ];
}

impl Conversation {
    /// `now`: by the listener's clock, as everywhere here.
    pub(super) fn new(peer: SocketAddr, now: u64) -> Self {
        Self {
            peer,
            client: OnceLock::new(),
            number: AtomicU64::new(0),
            encrypted: AtomicBool::new(false),
            stage: AtomicU8::new(Stage::Idle as u8),
            misread: OnceLock::new(),
            begun: OnceLock::new(),
            cut: AtomicBool::new(false),
            has_interim: AtomicBool::new(false),
            body_has_begun: AtomicBool::new(false),
            abandonable: AtomicBool::new(false),
            since: AtomicU64::new(now),
            held: AtomicUsize::new(0),
            hold: AtomicU8::new(RESTS),
            task: AtomicWaker::new(),
            aside: Mutex::default(),
        }
    }

    /// The socket's other end, or for whom a proxy there said that it speaks.
    pub fn peer(&self) -> SocketAddr {
        self.client.get().copied().unwrap_or(self.peer)
    }

    /// Said at most once. Its crowd has to move it.
    pub(super) fn speaks_for(&self, client: SocketAddr) {
        let _ = self.client.set(client);
    }

    /// Whether it is TLS.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted.load(Ordering::Relaxed)
    }

    pub(super) fn encrypted(&self) {
        self.encrypted.store(true, Ordering::Relaxed);
    }

    /// Whether some of the body came with the head: who sends it does not wait for `100`.
    pub fn body_has_begun(&self) -> bool {
        self.body_has_begun.load(Ordering::Relaxed)
    }

    /// The request is answered before its body has come: what still comes is waited for a moment
    /// before the connection ends, or a reset could overtake the answer.
    pub fn body_unread(&self) {
        self.set(Stage::Unread);
    }

    /// The answer breaks off, and nothing but the connection's end could tell the peer: it must not
    /// look like a good one.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Sends the head of an interim answer before whatever the codec sends next.
    pub fn interim(&self, head: &[u8]) {
        self.aside.lock().interim.extend_from_slice(head);
        self.has_interim.store(true, Ordering::Relaxed);
    }

    /// Hands the connection over once the codec has sent the `101` that is answered next.
    pub fn switch(&self, tunnel: Tunnel) {
        self.aside.lock().tunnel = Some(tunnel);
    }

    pub(super) fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Ordering::Relaxed)) % Stage::ALL.len()]
    }

    pub(super) fn set(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Whether the request at hand, unanswered yet, ends when its caller closes its half.
    pub(super) fn abandonable(&self, is: bool) {
        self.abandonable.store(is, Ordering::Relaxed);
    }

    pub(super) fn may_be_abandoned(&self) -> bool {
        self.abandonable.load(Ordering::Relaxed)
    }

    /// It rests from now on, or a head has begun.
    pub(super) fn since(&self, stage: Stage, now: u64) {
        self.since.store(now, Ordering::Relaxed);
        self.set(stage);
        self.swap_hold(IN_USE, RESTS);
    }

    /// Whether it is in use, or was until now.
    pub(super) fn is_in_use(&self) -> bool {
        self.hold.load(Ordering::Relaxed) == IN_USE
    }

    /// Whether it held the one, and holds the other now.
    fn swap_hold(&self, from: u8, to: u8) -> bool {
        let swapped = self
            .hold
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        swapped.is_ok()
    }

    /// Whether, and since when, nothing would be lost with it.
    pub(super) fn rests(&self) -> Option<Resting> {
        let since = self.since.load(Ordering::Relaxed);
        match self.stage() {
            Stage::Idle => Some(Resting {
                since: since.saturating_add(GRACE),
                is_in_head: false,
            }),
            Stage::Head => Some(Resting {
                since,
                is_in_head: true,
            }),
            _ => None,
        }
    }

    /// When it was last seen to rest.
    pub(super) fn last_rested(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// Asks it to end. False where it was asked already, or a request came first: a request that comes
    /// later is not served, so that who leaves has left in a moment.
    pub(super) fn leave(&self) -> bool {
        let asked = self.swap_hold(RESTS, LEAVES);
        if asked {
            self.task.wake();
        }
        asked
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.hold.load(Ordering::Acquire) == LEAVES
    }

    /// Whom `leave` wakes. To be said before `is_leaving` is asked.
    pub(super) fn is_waited_for_by(&self, task: &Waker) {
        self.task.register(task);
    }

    /// The codec gets a whole head. False where it must not: the connection leaves.
    pub(super) fn passes_head(&self, body_has_begun: bool) -> bool {
        if !self.swap_hold(RESTS, IN_USE) && self.is_leaving() {
            return false;
        }
        self.body_has_begun.store(body_has_begun, Ordering::Relaxed);
        self.set(Stage::Parsing);
        true
    }

    pub(super) fn refuse(&self, why: Misread) {
        let _ = self.misread.set(why);
        self.set(Stage::Refused);
    }

    /// What came is none. Within a body, nothing of it is told: it is no head.
    pub(super) fn broken(&self, violation: Violation, (method, path): (&[u8], &[u8])) {
        if matches!(self.stage(), Stage::Idle | Stage::Head) {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            let _ = self.begun.set((text(method), text(path)));
        }
        self.refuse(Misread::Broken(violation));
    }

    /// What is refused was a request so far.
    pub(super) fn tells(&self, method: &str, path: &str) {
        let cut = path.chars().take(TOLD).collect();
        let _ = self.begun.set((method.to_owned(), cut));
    }

    /// The method and a cut of the path of what is no request, as far as they could be read.
    pub fn told(&self) -> (&str, &str) {
        let begun = self.begun.get();
        begun.map_or(("", ""), |(method, path)| (method, path))
    }

    pub(super) fn misread(&self) -> Option<Misread> {
        self.misread.get().copied()
    }

    /// The codec has the whole answer, or will get no more of it.
    pub(super) fn sending(&self) {
        if self.stage() == Stage::Serving {
            self.set(Stage::Sending);
        }
    }

    /// All that the codec had is sent.
    pub(super) fn flushed(&self) {
        if self.stage() == Stage::Sending {
            self.set(Stage::Answered);
            if let Some(waker) = self.aside.lock().next.take() {
                waker.wake();
            }
        }
    }

    /// Wakes whoever reads when the answer at hand is complete.
    pub(super) fn wake_when_answered(&self, waker: &Waker) {
        let next = &mut self.aside.lock().next;
        if !next.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *next = Some(waker.clone());
        }
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    pub(super) fn is_switching(&self) -> bool {
        self.aside.lock().tunnel.is_some()
    }

    pub(super) fn take_tunnel(&self) -> Option<Tunnel> {
        self.aside.lock().tunnel.take()
    }

    pub(super) fn take_interim(&self) -> Option<Vec<u8>> {
        let waits = self.has_interim.swap(false, Ordering::Relaxed);
        waits.then(|| std::mem::take(&mut self.aside.lock().interim))
    }
}
