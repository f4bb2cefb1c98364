//! By what does a connection live? Bounds, times and TLS of its listener, as they were when it began:
//! a listener that is defined otherwise has others for those that come later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Limits, Protocols, Timeouts, Tls};
use crate::clock::UnixTime;

#[derive(Clone)]
pub struct Settings {
    /// As the file says, less where the process can have fewer files open.
    pub limits: Limits,
    pub timeouts: Timeouts,
    pub protocols: Protocols,
    pub tls: Option<Arc<Tls>>,
    /// Whether proxies say first for whom they speak.
    pub proxy_protocol: bool,
    pub era: Era,
}

/// The time in which a listener asks the same of those who connect. What they proved then is worth
/// nothing when it asks for other proof.
#[derive(Clone, Debug, Default)]
pub struct Era(Arc<AtomicBool>);

impl Era {
    pub(super) fn end(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Settings {
    /// Whether who has connected by these may stay connected by the others.
    pub(super) fn ask_the_same(&self, other: &Self) -> bool {
        match (&self.tls, &other.tls) {
            (None, None) => true,
            (Some(own), Some(other)) => own.asks_the_same(other),
            _ => false,
        }
    }

    /// When the first certificate to end does.
    pub(super) fn certificate_ends(&self) -> Option<UnixTime> {
        self.tls.as_ref()?.ends_at()
    }
}
