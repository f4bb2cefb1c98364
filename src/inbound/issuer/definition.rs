//! An issuer as the file defines it.

use std::sync::Arc;
use std::time::Duration;

use super::IssuerKind;
use crate::policy::Audience;
use crate::refresh::RefetchTimes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerDefinition {
    pub name: Arc<str>,
    pub kind: IssuerKind,
    /// Audiences for callers that name none themselves.
    pub audiences: Vec<Audience>,
    /// For `exp` and `nbf`; 300 s at most.
    pub leeway: Duration,
    pub keys: RefetchTimes,
}
