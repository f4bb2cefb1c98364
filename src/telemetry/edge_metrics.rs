//! What a listener counts: connections, and those that ended before a request could be decided.

use prometheus::{IntCounter, IntGauge};

#[derive(Clone, Debug)]
pub struct EdgeMetrics {
    open: IntGauge,
    accepted: IntCounter,
    refused: [IntCounter; Refused::ALL.len()],
}

/// Why a connection ended before a request could be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Limit,
    /// The HTTP parser took the bytes for no request.
    Parser,
    HeaderTimeout,
    HeaderTooLarge,
    /// The TLS handshake failed, or took too long.
    Tls,
    Panic,
}

impl Refused {
    pub const ALL: [Self; 6] = [
        Self::Limit,
        Self::Parser,
        Self::HeaderTimeout,
        Self::HeaderTooLarge,
        Self::Tls,
        Self::Panic,
    ];

    /// The word for it: the label `cause`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Parser => "parser",
            Self::HeaderTimeout => "header_timeout",
            Self::HeaderTooLarge => "header_too_large",
            Self::Tls => "tls",
            Self::Panic => "panic",
        }
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
            refused: Refused::ALL.map(|cause| refused(cause.word())),
        }
    }

    /// Counts a connection as accepted, and as open until the guard is dropped.
    pub fn accepted(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection {
            gauge: self.open.clone(),
        }
    }

    pub fn refused(&self, cause: Refused) {
        self.refused[cause as usize].inc();
    }
}

/// A connection that is open; dropped, it is not.
#[derive(Debug)]
pub struct OpenConnection {
    gauge: IntGauge,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
