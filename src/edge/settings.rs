//! By what does a connection live? Bounds, times and TLS of its listener, as they were when it began:
//! a listener that is defined otherwise has others for those that come later.

use std::sync::Arc;

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
}

impl Settings {
    /// When the first certificate to end does.
    pub(super) fn certificate_ends(&self) -> Option<UnixTime> {
        self.tls.as_ref()?.ends_at()
    }
}
