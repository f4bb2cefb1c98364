//! How far has the request at hand come? The guard around the stream knows; the connection's task
//! reads it while Pingora owns the guard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No byte of it has come.
    Idle,
    /// Some of its head has.
    Head,
    /// Its head is complete.
    Serving,
    /// It is answered, and its body has not come.
    Unread,
    /// Its head took too long.
    Late,
    /// Its head grew too large.
    Oversized,
    /// It was answered before its head was taken for complete: the parser refused it.
    Refused,
    /// The peer left in the middle of its head.
    Gone,
}

impl Stage {
    const ALL: [Self; 8] = [
        Self::Idle,
        Self::Head,
        Self::Serving,
        Self::Unread,
        Self::Late,
        Self::Oversized,
        Self::Refused,
        Self::Gone,
    ];
}

#[derive(Clone, Debug)]
pub(super) struct SharedStage(Arc<AtomicU8>);

impl SharedStage {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(Stage::Idle as u8)))
    }

    pub(super) fn now(&self) -> Stage {
        Stage::ALL[usize::from(self.0.load(Ordering::Relaxed)) % Stage::ALL.len()]
    }

    // One task reads and writes it; the atomic is there because Pingora's streams are `Sync`.
    pub(super) fn set(&self, stage: Stage) {
        self.0.store(stage as u8, Ordering::Relaxed);
    }
}
