//! What all listeners of one process share: the plan, the logs, and what the drain waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use arc_swap::ArcSwap;

use crate::admission::Plan;
use crate::request::RequestIds;
use crate::telemetry::{AccessLog, Metrics, RouteMetrics};

/// What all listeners of one process share.
#[derive(Debug)]
pub struct Shared {
    /// What each request loads once, and the admin pages read.
    pub plan: Arc<ArcSwap<Plan>>,
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
    pub fn new(plan: Arc<ArcSwap<Plan>>, access_log: AccessLog, metrics: &Metrics) -> Arc<Self> {
        Arc::new(Self {
            plan,
            access_log,
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            unrouted: metrics.unrouted(),
            metrics: metrics.clone(),
            request_ids: RequestIds::new(),
        })
    }
}
