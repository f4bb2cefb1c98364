//! What does the status page look at, beside the plan and the metrics?

use std::sync::Arc;

use crate::telemetry::{Rates, Refusals};

pub struct Observed {
    /// Each listener's name, with where it is really bound.
    pub listeners: Vec<(Arc<str>, String)>,
    pub refusals: Arc<Refusals>,
    pub rates: Arc<Rates>,
}
