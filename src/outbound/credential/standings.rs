//! What has become of each credential: which one is in use, and which were refused and why.

use std::fmt::Display;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::UnixTime;

pub(super) struct Standings(Mutex<Known>);

struct Known {
    in_use: Option<usize>,
    /// By place.
    refused: Vec<Option<Refused>>,
}

/// A credential that was not accepted when it was last tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When it was refused first, since it was last accepted.
    pub since: UnixTime,
    /// What the endpoint said, or why nothing could be asked, with what is to be done.
    pub why: Arc<str>,
    /// Until then others are tried first.
    pub again_at: UnixTime,
}

/// How a credential is, for `/status` and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialStatus {
    /// Its place in the file, from 1.
    pub number: usize,
    pub kind: &'static str,
    /// Whether it was accepted last of all.
    pub is_in_use: bool,
    /// When it ends, where that is known.
    pub ends_at: Option<UnixTime>,
    /// Why it was not accepted, where it was tried last in vain.
    pub refused: Option<Refused>,
}

impl Standings {
    pub(super) fn of(count: usize) -> Self {
        Self(Mutex::new(Known {
            in_use: None,
            refused: vec![None; count],
        }))
    }

    pub(super) fn in_use(&self) -> Option<usize> {
        self.0.lock().in_use
    }

    pub(super) fn refused(&self, place: usize) -> Option<Refused> {
        self.0.lock().refused.get(place).cloned().flatten()
    }

    /// It is in use from now on. Yields which one was, and why this one had been refused.
    pub(super) fn accept(&self, place: usize) -> (Option<usize>, Option<Refused>) {
        let mut known = self.0.lock();
        let refused = known.refused.get_mut(place).and_then(Option::take);
        (known.in_use.replace(place), refused)
    }

    pub(super) fn refuse(
        &self,
        place: usize,
        why: &dyn Display,
        now: UnixTime,
        again_at: UnixTime,
    ) {
        let mut known = self.0.lock();
        if known.in_use == Some(place) {
            known.in_use = None;
        }
        if let Some(refused) = known.refused.get_mut(place) {
            let since = refused.as_ref().map_or(now, |earlier| earlier.since);
            *refused = Some(Refused {
                since,
                why: why.to_string().into(),
                again_at,
            });
        }
    }
}
