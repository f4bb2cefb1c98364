//! An issuer as the file defines it.

use std::sync::Arc;
use std::time::Duration;

use super::IssuerKind;
use crate::policy::Audience;
use crate::refresh::RefetchTimes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerDefinition {
    /// Its name in the file.
    pub name: Arc<str>,
    pub kind: IssuerKind,
    /// Audiences for callers that name none themselves.
    pub audiences: Vec<Audience>,
    /// For `exp` and `nbf`; 300 s at most.
    pub leeway: Duration,
    /// How its keys are kept.
    pub keys: KeyTimes,
}

/// `keys:` of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    /// Between background refreshes.
    pub refresh: Duration,
    /// Between refetches for unknown `kid`s, and after a failure.
    pub cool_down: Duration,
    /// How long the last good keys are trusted through an outage.
    pub max_stale: Duration,
}

impl Default for KeyTimes {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(3600),
            cool_down: Duration::from_secs(30),
            max_stale: Duration::from_secs(24 * 3600),
        }
    }
}

impl From<KeyTimes> for RefetchTimes {
    fn from(times: KeyTimes) -> Self {
        Self {
            refresh: times.refresh,
            cool_down: times.cool_down,
            max_stale: times.max_stale,
        }
    }
}
