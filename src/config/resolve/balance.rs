//! Which of several places takes a request, and how often one is repeated.

use crate::config::file::{Check, Health, Retries};
use crate::outbound::{CheckDefinition, HealthDefinition, RetriesDefinition};

pub(super) fn health(written: &Health) -> Option<HealthDefinition> {
    Some(HealthDefinition {
        failures: number(*written.failures),
        rest: *written.rest,
        check: written.check.optional(|at| check(&at.value))?,
    })
}

fn check(written: &Check) -> Option<CheckDefinition> {
    Some(CheckDefinition {
        path: written.path.value()?.0.clone(),
        interval: *written.interval,
        timeout: *written.timeout,
        failures: number(*written.failures),
        successes: number(*written.successes),
    })
}

pub(super) fn retries(written: &Retries) -> RetriesDefinition {
    RetriesDefinition {
        most: number(*written.most),
        percent: written.budget.0,
        statuses: written.statuses.iter().map(|at| at.value.0).collect(),
    }
}

/// What the file bounds is far from where this would saturate.
fn number(written: usize) -> u32 {
    u32::try_from(written).unwrap_or(u32::MAX)
}
