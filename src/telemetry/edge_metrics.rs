//! What a listener counts: connections, and those that ended before a request could be decided.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::Version;
use prometheus::{IntCounter, IntGauge};

use super::Counted;
use crate::clock::UnixTime;

#[derive(Clone, Debug)]
pub struct EdgeMetrics {
    open: IntGauge,
    accepted: IntCounter,
    refused: [IntCounter; CAUSES.len()],
    asked: [IntCounter; VERSIONS.len()],
    certificate: CertificateEnd,
}

/// What callers may speak.
pub(super) const VERSIONS: [Version; 3] = [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2];

/// When the first of a listener's certificates to end does, in seconds of Unix time; 0: it has none.
#[derive(Clone, Debug, Default)]
pub(super) struct CertificateEnd(Arc<AtomicU64>);

impl CertificateEnd {
    pub(super) fn get(&self) -> Option<UnixTime> {
        let seconds = self.0.load(Ordering::Relaxed);
        (seconds > 0).then(|| UnixTime::from_seconds(seconds))
    }
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
    /// A proxy did not say for whom it speaks, or not so that it could be read.
    ProxyProtocol,
    /// The TLS handshake failed, or took too long.
    Tls,
    /// The TLS client showed no certificate, or none that holds.
    ClientCertificate,
    Panic,
}

/// What causes are called in the label `cause`, in the order of [`Refused`].
pub const CAUSES: [&str; 12] = [
    "limit",
    "address_limit",
    "evicted",
    "flood",
    "streams",
    "parser",
    "header_timeout",
    "header_too_large",
    "proxy_protocol",
    "tls",
    "client_certificate",
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
        asked: impl Fn(Version) -> IntCounter,
        certificate: CertificateEnd,
    ) -> Self {
        Self {
            certificate,
            open,
            accepted,
            refused: CAUSES.map(refused),
            asked: VERSIONS.map(asked),
        }
    }

    pub fn accepted(&self) -> Counted {
        self.accepted.inc();
        Counted::by(&self.open)
    }

    /// A request has come by this protocol.
    pub fn asked(&self, version: Version) {
        let [old, usual, new] = &self.asked;
        match version {
            Version::HTTP_2 => new.inc(),
            Version::HTTP_11 => usual.inc(),
            _ => old.inc(),
        }
    }

    pub fn refused(&self, cause: Refused) {
        self.refused[cause as usize].inc();
    }

    /// When the first of its certificates to end does; `None` where it has none.
    pub fn certificate_ends(&self, end: Option<UnixTime>) {
        let seconds = end.map_or(0, |end| end.seconds().max(1));
        self.certificate.0.store(seconds, Ordering::Relaxed);
    }
}
