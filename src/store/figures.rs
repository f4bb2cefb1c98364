//! How is a place where something is kept? What it was asked, and whether it is well.

use std::sync::atomic::{AtomicU64, Ordering};

/// Where something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    File,
    Redis,
}

/// What was done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Something was looked for and found.
    Found,
    /// It was not there, or of no use.
    Missed,
    /// Something was put there.
    Kept,
    /// Something was not put or looked for, for the place is not well.
    Failed,
}

/// For `/metrics` and the status page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    pub place: Place,
    /// Its path, or its URL.
    pub at: String,
    /// What is the matter with it, where something is.
    pub failure: Option<String>,
    pub counts: [(Doing, u64); 4],
}

impl Place {
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Redis => "redis",
        }
    }
}

impl Doing {
    pub const ALL: [Self; 4] = [Self::Found, Self::Missed, Self::Kept, Self::Failed];

    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Missed => "missed",
            Self::Kept => "kept",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Figures([AtomicU64; 4]);

impl Figures {
    pub(super) fn count(&self, doing: Doing) {
        self.0[doing as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> [(Doing, u64); 4] {
        Doing::ALL.map(|doing| (doing, self.0[doing as usize].load(Ordering::Relaxed)))
    }
}
