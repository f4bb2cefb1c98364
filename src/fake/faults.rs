//! How does a fake misbehave on request? Failures, silence and slowness for one of its doors, with a
//! count of who came. Only tests ask for it; what `bearergate dev` runs behaves.

use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;

use super::http::{Pace, Response};

#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: u64,
    left: u32,
    failure: Failure,
    pace: Pace,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    retry_after: Option<String>,
}

impl Failure {
    pub(super) fn stamp(&self, response: Response) -> Response {
        match &self.retry_after {
            Some(wait) => response.with("retry-after", wait),
            None => response,
        }
    }
}

impl Faults {
    /// The next `times` requests get `status`, and `Retry-After` when one is given.
    pub fn fail_next(&self, times: u32, status: u16, retry_after: Option<&str>) {
        let mut state = self.state.lock();
        state.left = times;
        state.failure = Failure {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            retry_after: retry_after.map(str::to_owned),
        };
    }

    /// Every request from now on gets no answer at all.
    pub fn hang(&self) {
        self.state.lock().pace = Pace::Never;
    }

    pub fn slow(&self, by: Duration) {
        self.state.lock().pace = Pace::After(by);
    }

    pub fn heal(&self) {
        let mut state = self.state.lock();
        state.left = 0;
        state.pace = Pace::AtOnce;
    }

    /// How many requests came, failed ones included.
    pub fn requests(&self) -> u64 {
        self.state.lock().requests
    }

    pub(super) fn admit(&self) -> (Option<Failure>, Pace) {
        let mut state = self.state.lock();
        state.requests += 1;
        let failure = (state.left > 0).then(|| state.failure.clone());
        state.left = state.left.saturating_sub(1);
        (failure, state.pace)
    }
}
