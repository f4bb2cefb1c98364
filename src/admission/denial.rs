//! Why does the gateway answer by itself, and to whom? Two voices: the caller's is safe, the log's is
//! complete; neither holds a token, a secret or a claim the caller did not send.

use std::sync::Arc;
use std::time::Duration;

use super::limits;
use crate::inbound::AuthError;
use crate::limit::Exceeded;
use crate::outbound::AcquireError;
use crate::policy::Principal;
use crate::reason::Reason;
use crate::request::HeadError;
use crate::routing::{Route, RouteMiss};

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    Route(RouteMiss),
    #[error(transparent)]
    Malformed(#[from] HeadError),
    /// A rule that holds whoever calls.
    #[error("{detail}")]
    Guard { reason: Reason, detail: String },
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// One more would be too many.
    #[error("{exceeded}")]
    Limit {
        exceeded: Exceeded,
        principal: Option<Principal>,
    },
    #[error("{why}")]
    Token {
        why: AcquireError,
        principal: Principal,
    },
    /// The upstream failed, or we did.
    #[error("{detail}")]
    Upstream {
        reason: Reason,
        detail: String,
        /// When the caller may come again, where waiting helps.
        retry_after: Option<Duration>,
        /// JSON of what the caller's token must claim before it comes again.
        claims: Option<Arc<str>>,
    },
}

/// A refusal with what is known of the request: its route, and who asked.
pub struct Denial {
    pub(super) refusal: Refusal,
    pub(super) route: Option<Arc<Route>>,
}

impl Refusal {
    pub fn on(self, route: &Arc<Route>) -> Denial {
        Denial {
            refusal: self,
            route: Some(Arc::clone(route)),
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Route(miss) => miss.reason(),
            Self::Malformed(why) => why.reason,
            Self::Guard { reason, .. } | Self::Upstream { reason, .. } => *reason,
            Self::Auth(why) => why.reason(),
            Self::Limit { exceeded, .. } => limits::reason(exceeded),
            Self::Token { why, .. } => why.reason(),
        }
    }

    /// When the caller may come again, where time is all that is missing.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Auth(why) => why.retry_after(),
            Self::Token { why, .. } => Some(why.retry_after()),
            Self::Upstream { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Denial {
    pub fn unrouted(refusal: Refusal) -> Self {
        Self {
            refusal,
            route: None,
        }
    }

    pub fn reason(&self) -> Reason {
        self.refusal.reason()
    }

    pub fn route(&self) -> Option<&Arc<Route>> {
        self.route.as_ref()
    }

    /// Who asked, where that was proven.
    pub fn principal(&self) -> Option<&Principal> {
        match &self.refusal {
            Refusal::Auth(AuthError::Policy(why)) => why.principal.as_ref(),
            Refusal::Limit { principal, .. } => principal.as_ref(),
            Refusal::Token { principal, .. } => Some(principal),
            _ => None,
        }
    }

    /// For the log: what was proven, and what the route wants.
    pub fn detail(&self) -> String {
        match (&self.refusal, &self.route) {
            (Refusal::Auth(why), Some(route)) => route.gate.told(why),
            (refusal, _) => refusal.to_string(),
        }
    }
}
