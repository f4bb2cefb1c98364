//! What all listeners of one process share, whatever they speak: the plan that each request is
//! decided by, and what is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::{HeaderRules, PlanLimits};
use crate::edge::ListenerDefinition;
use crate::inbound::{Gate, Issuer};
use crate::outbound::{AppTokens, UserTokens};
use crate::request::RequestIds;
use crate::routing::Table;
use crate::store::Store;
use crate::telemetry::{AccessLog, Metrics, Refusals, RouteMetrics, Tracer};

/// Everything a decision needs, read by each request from one snapshot.
pub struct Plan {
    /// By name; there are the same ones for as long as the process lives.
    pub listeners: Vec<Arc<ListenerDefinition>>,
    pub routes: Table,
    pub headers: HeaderRules,
    pub limits: PlanLimits,
    /// Some route goes to an upstream that wants header names as they came.
    pub preserves_header_case: bool,
    /// The issuers by their names in the file.
    pub issuers: HashMap<Arc<str>, Arc<Issuer>>,
    /// The tokens of all (identity, scope) that routes carry.
    pub tokens: Vec<Arc<AppTokens>>,
    /// Those by which routes act for users.
    pub user_tokens: Vec<Arc<UserTokens>>,
    /// Where tokens are kept beside memory, if anywhere.
    pub store: Option<Arc<Store>>,
    /// What makes traces, where the file wants any.
    pub tracer: Option<Arc<Tracer>>,
    /// Who may see the status page, where the file names somebody.
    pub observers: Option<Gate>,
    /// The one that is about to take its place: whom that refuses is not let in any more.
    pub next: ArcSwapOption<Plan>,
}

pub struct Shared {
    /// What each request loads once, and the admin pages read.
    pub plan: Arc<ArcSwap<Plan>>,
    pub access_log: AccessLog,
    /// Requests under way, for the drain.
    pub in_flight: AtomicUsize,
    /// The process is ending: every answer says that its connection does, too.
    pub draining: AtomicBool,
    pub metrics: Metrics,
    /// The last requests that were not served; `None` where nobody could look at them.
    pub refusals: Option<Arc<Refusals>>,
    pub(super) unrouted: RouteMetrics,
    pub(super) request_ids: RequestIds,
}

impl Shared {
    pub fn new(
        plan: Arc<ArcSwap<Plan>>,
        access_log: AccessLog,
        metrics: &Metrics,
        refusals: Option<Arc<Refusals>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            refusals,
            plan,
            access_log,
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            metrics: metrics.clone(),
            unrouted: metrics.unrouted(),
            request_ids: RequestIds::new(),
        })
    }
}
