//! The token in hand, and what requests have told of it: that somebody uses it, and whether an
//! upstream refused it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::AccessToken;
use crate::clock::UnixTime;

/// The token in hand.
pub(super) struct Held {
    pub(super) token: Arc<AccessToken>,
    pub(super) since: UnixTime,
    /// Whether any request was given it: what nobody uses is not renewed.
    used: AtomicBool,
    /// Whether an upstream refused it and a fresh one was asked for.
    refused: AtomicBool,
}

impl Held {
    /// A token that came just now.
    pub(super) fn new(token: Arc<AccessToken>, now: UnixTime) -> Self {
        let (used, refused) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            token,
            since: now,
            used,
            refused,
        }
    }

    /// A request was given it.
    pub(super) fn use_it(&self) {
        // Written once, so that requests on all cores do not pass the line around.
        if !self.is_used() {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether any request was given it.
    pub(super) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// An upstream refused it, and a fresh one is on its way.
    pub(super) fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// Whether an upstream refused it.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}
