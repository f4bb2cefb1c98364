//! Is an endpoint well before somebody's request finds out? It is asked for a path of its own time and
//! again, on a connection of its own, by nobody's name and with nobody's token.

use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderValue, Request, Uri, header};
use tokio::time::{sleep, timeout};

use super::{Carries, Endpoint, RequestBody};
use crate::refresh::{chance, jitter};

/// What the file says of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckDefinition {
    /// Path and query, as the endpoint itself has them.
    pub path: Uri,
    /// From the end of one to the beginning of the next.
    pub interval: Duration,
    /// For all of it: to connect, to ask, and to hear the answer's head.
    pub timeout: Duration,
    /// So many in a row that fail, and the endpoint is unwell.
    pub failures: u32,
    /// So many in a row that succeed, and it is well again.
    pub successes: u32,
}

/// The longest pause before the first one: those of many endpoints do not come together.
const FIRST: Duration = Duration::from_millis(500);

const USER_AGENT: HeaderValue = HeaderValue::from_static("bearergate-check");

/// Checks an endpoint for as long as somebody goes there. Needs a tokio runtime.
pub(super) fn begin(endpoint: &Arc<Endpoint>) {
    if let Some(definition) = &endpoint.definition().health.check {
        tokio::spawn(keep_checking(Arc::downgrade(endpoint), definition.clone()));
    }
}

async fn keep_checking(endpoint: Weak<Endpoint>, definition: CheckDefinition) {
    let mut in_a_row = InARow::default();
    sleep(jitter(definition.interval.min(FIRST), chance())).await;
    loop {
        let Some(checked) = endpoint.upgrade() else {
            return;
        };
        let answered = timeout(definition.timeout, ask(&checked, &definition.path)).await;
        let late = || format!("no answer within {:?}", definition.timeout);
        let outcome = answered.unwrap_or_else(|_| Err(late()));
        if let Some(is_well) = in_a_row.more(outcome.is_ok(), &definition) {
            checked.checked(is_well, outcome.err().as_deref().unwrap_or_default());
        }
        drop(checked);
        let sooner = jitter(definition.interval / 10, chance());
        sleep(definition.interval - sooner).await;
    }
}

async fn ask(endpoint: &Endpoint, path: &Uri) -> Result<(), String> {
    let carrier = endpoint.connect(Carries::Requests).await;
    let mut carrier = carrier.map_err(|why| why.to_string())?;
    let mut request = Request::new(RequestBody::none());
    *request.uri_mut() = path.clone();
    let headers = request.headers_mut();
    headers.insert(header::HOST, endpoint.host_header().clone());
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let answer = carrier.exchange(request, |_| {}).await;
    let status = answer.map_err(|why| why.to_string())?.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("it answered {}", status.as_u16())),
    }
}

/// How many outcomes there were like the last one.
#[derive(Debug, Default)]
struct InARow {
    failures: u32,
    successes: u32,
}

impl InARow {
    /// What is known now, where there are enough.
    fn more(&mut self, succeeded: bool, definition: &CheckDefinition) -> Option<bool> {
        let (failures, successes) = match succeeded {
            true => (0, self.successes.saturating_add(1)),
            false => (self.failures.saturating_add(1), 0),
        };
        *self = Self {
            failures,
            successes,
        };
        let unwell = (failures >= definition.failures).then_some(false);
        unwell.or((successes >= definition.successes).then_some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_in_a_row_are_believed_and_one_is_not() {
        let definition = CheckDefinition {
            path: Uri::from_static("/"),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            failures: 3,
            successes: 2,
        };
        let mut in_a_row = InARow::default();
        for (succeeded, known) in [
            (true, None),
            (true, Some(true)),
            (false, None),
            (false, None),
            (true, None),
            (false, None),
            (false, None),
            (false, Some(false)),
            (false, Some(false)),
            (true, None),
            (true, Some(true)),
        ] {
            assert_eq!(in_a_row.more(succeeded, &definition), known, "{in_a_row:?}");
        }
    }
}
