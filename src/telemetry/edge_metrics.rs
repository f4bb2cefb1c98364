//! What a listener counts: connections, and those that ended before a request could be decided.

use prometheus::{IntCounter, IntGauge};

use super::Counted;

#[derive(Clone, Debug)]
pub struct EdgeMetrics {
    open: IntGauge,
    accepted: IntCounter,
    refused: [IntCounter; CAUSES.len()],
}

/// Why a connection ended before a request could be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The listener has as many as it may have, and none that is idle.
    Limit,
    /// So has the peer's address.
    AddressLimit,
    /// It was idle, or its head unfinished, and made room for another.
    Evicted,
    /// Frames that ask for nothing, or streams that were reset, without end.
    Flood,
    /// More streams at a time than a connection may have.
    Streams,
    /// The HTTP parser took the bytes for no request.
    Parser,
    HeaderTimeout,
    HeaderTooLarge,
    /// The TLS handshake failed, or took too long.
    Tls,
    Panic,
}

/// What causes are called in the label `cause`, in the order of [`Refused`].
pub const CAUSES: [&str; 10] = [
    "limit",
    "address_limit",
    "evicted",
    "flood",
    "streams",
    "parser",
    "header_timeout",
    "header_too_large",
    "tls",
    "panic",
];

impl Refused {
    pub const fn word(self) -> &'static str {
        CAUSES[self as usize]
    }
}

impl EdgeMetrics {
    pub(super) fn new(
        open: IntGauge,
        accepted: IntCounter,
        refused: impl Fn(&str) -> IntCounter,
    ) -> Self {
        Self {
            open,
            accepted,
            refused: CAUSES.map(refused),
        }
    }

    pub fn accepted(&self) -> Counted {
        self.accepted.inc();
        Counted::by(&self.open)
    }

    pub fn refused(&self, cause: Refused) {
        self.refused[cause as usize].inc();
    }
}
