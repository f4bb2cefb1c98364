//! What a request reads: one plan and its upstreams, together or not at all.

use std::sync::Arc;

use super::Upstream;
use crate::admission::Plan;

/// One configuration, alive. Each request loads it once and keeps it to its end.
#[derive(Debug)]
pub struct Snapshot {
    /// What is decided by.
    pub plan: Arc<Plan>,
    /// Where routes go, by `Route::index`.
    pub upstreams: Vec<Arc<Upstream>>,
}
