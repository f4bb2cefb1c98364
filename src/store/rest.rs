//! When is Redis left alone? For a second after it was slow, or refused something; so whoever wants
//! something of it does not wait each time to see that again. It is said once.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::definition::RedisDefinition;

const REST: Duration = Duration::from_secs(1);

pub(super) struct Rest {
    url: String,
    /// What that means, for the log.
    means: &'static str,
    /// Not asked until then, and why.
    until: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Rest {
    pub(super) fn of(definition: &RedisDefinition, means: &'static str) -> Self {
        Self {
            url: definition.url.to_string(),
            means,
            until: Mutex::new(None),
        }
    }

    pub(super) fn begins(&self, why: &Arc<str>) {
        let mut until = self.until.lock();
        let is_new = until.as_ref().is_none_or(|(_, known)| known != why);
        *until = Some((Instant::now() + REST, Arc::clone(why)));
        drop(until);
        if is_new {
            let (url, why, means) = (&*self.url, &**why, self.means);
            tracing::warn!(
                url,
                why,
                "the shared store is of no use for the moment; {means}"
            );
        }
    }

    pub(super) fn ends(&self) {
        if self.until.lock().take().is_some() {
            tracing::info!(url = &*self.url, "the shared store is of use again");
        }
    }

    /// Why it is left alone now, where it is.
    pub(super) fn why(&self) -> Option<Arc<str>> {
        let until = self.until.lock();
        let (until, why) = until.as_ref()?;
        (Instant::now() < *until).then(|| Arc::clone(why))
    }
}
