//! What broke on the way: a word for the caller, a sentence for the log.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::http1::Violation;
use crate::outbound::{Broken, ConnectError, ExchangeError};
use crate::reason::Reason;

/// Why an admitted request has no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) detail: String,
    /// When its caller may come again, where waiting helps.
    pub(super) retry_after: Option<Duration>,
    /// JSON of what its caller's token must claim before it comes again.
    pub(super) claims: Option<Arc<str>>,
    /// The upstream's answer that is not passed on: its status, and how long its head took.
    pub(super) heard: Option<(u16, Duration)>,
}

impl Failure {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            retry_after: None,
            claims: None,
            heard: None,
        }
    }

    /// The request's own body broke off, or was too much.
    pub(super) fn of_body(reason: Reason) -> Self {
        Self::new(reason, reason.sentence())
    }
}

impl From<ConnectError> for Failure {
    fn from(why: ConnectError) -> Self {
        let reason = match &why {
            why if why.is_timeout() => Reason::UpstreamTimeout,
            ConnectError::Codec(_) | ConnectError::Http2(_) => Reason::UpstreamFailed,
            _ => Reason::UpstreamUnreachable,
        };
        Self::new(reason, why.to_string())
    }
}

impl From<ExchangeError> for Failure {
    fn from(why: ExchangeError) -> Self {
        match why {
            ExchangeError::TimedOut(_) => Self::new(Reason::UpstreamTimeout, why.to_string()),
            ExchangeError::Broken(cause) => broken(&cause),
            _ => Self::new(Reason::UpstreamFailed, why.to_string()),
        }
    }
}

/// How an answer broke. Nothing of it is quoted.
pub(super) fn broken(cause: &Broken) -> Failure {
    let Broken::Http1(cause) = cause else {
        return Failure::new(Reason::UpstreamFailed, cause.to_string());
    };
    // Hyper quotes nothing, nor do the rules of `http1`.
    let text = match violation(cause) {
        Some(why) => format!("the answer is not HTTP as it should be: {why}"),
        None if cause.is_parse() => format!("the answer is not HTTP as it should be: {cause}"),
        None => match cause.source() {
            Some(source) => format!("{cause}: {source}"),
            None => cause.to_string(),
        },
    };
    Failure::new(Reason::UpstreamFailed, text)
}

/// The rule of `http1` that was broken, where one was.
fn violation(cause: &hyper::Error) -> Option<Violation> {
    let io = cause.source()?.downcast_ref::<std::io::Error>()?;
    io.get_ref()?.downcast_ref::<Violation>().copied()
}
