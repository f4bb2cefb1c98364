//! What is kept of one request between Pingora's phases, beside its record.

use pingora::{Error, ErrorType, Result};

use crate::admission::{Admission, Record};
use crate::reason::Reason;

pub struct Context {
    pub(super) record: Record,
    /// Set just before an error is returned to Pingora, for `fail_to_proxy` to answer with.
    pub(super) failure: Option<Reason>,
    pub(super) body_in: u64,
    pub(super) attempts: usize,
}

impl Context {
    pub(super) fn new(record: Record) -> Self {
        Self {
            record,
            failure: None,
            body_in: 0,
            attempts: 0,
        }
    }

    /// SECURITY: no admission, no forward, whatever happened before.
    pub(super) fn admission(&self) -> Result<&Admission> {
        self.record
            .admission()
            .ok_or_else(|| Error::explain(ErrorType::InternalError, "no admission"))
    }
}
