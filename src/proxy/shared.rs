//! What all listeners of one process share: the snapshot, the logs, and what the drain waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use arc_swap::ArcSwap;

use super::Snapshot;
use super::request_id::RequestIds;
use crate::telemetry::{AccessLog, Metrics, RouteMetrics};

/// What all listeners of one process share.
#[derive(Debug)]
pub struct Shared {
    /// What requests read.
    pub snapshot: ArcSwap<Snapshot>,
    /// Where access lines go.
    pub access_log: AccessLog,
    /// Requests under way, for the drain.
    pub in_flight: AtomicUsize,
    /// The process is ending: every answer says that its connection does, too.
    pub draining: AtomicBool,
    pub(super) unrouted: RouteMetrics,
    pub(super) metrics: Metrics,
    pub(super) request_ids: RequestIds,
}

impl Shared {
    /// What a process's listeners share.
    pub fn new(snapshot: Snapshot, access_log: AccessLog, metrics: &Metrics) -> Arc<Self> {
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(snapshot),
            access_log,
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            unrouted: metrics.unrouted(),
            metrics: metrics.clone(),
            request_ids: RequestIds::new(),
        })
    }
}
