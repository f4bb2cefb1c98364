//! Who asks for it, of all replicas that want the same? Whoever claims it; the others wait for what comes
//! of that, for as long as a claim holds.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::redis::{CLAIM, Redis};
use super::sealing::Name;

/// What came of claiming.
#[derive(Debug)]
pub enum Claim {
    /// This replica asks.
    Ours(Lease),
    /// Another does.
    Others,
    /// Nobody can be asked whether another does.
    Alone,
}

/// A claim that holds until it is dropped, or for three seconds.
pub struct Lease {
    redis: Arc<Redis>,
    name: Option<Name>,
    taken: Instant,
}

impl Lease {
    pub(super) fn new(redis: &Arc<Redis>, name: Name) -> Self {
        Self {
            redis: Arc::clone(redis),
            name: Some(name),
            taken: Instant::now(),
        }
    }

    /// What it holds, where it still does, for whoever ends it in another way.
    pub(super) fn end(mut self) -> Option<Name> {
        let name = self.name.take();
        name.filter(|_| self.holds())
    }

    /// What holds no longer may be another's by now.
    fn holds(&self) -> bool {
        self.taken.elapsed() < CLAIM
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let name = self.name.take().filter(|_| self.holds());
        if let Some(name) = name
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let redis = Arc::clone(&self.redis);
            runtime.spawn(async move { redis.end_claim(name).await });
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lease").finish_non_exhaustive()
    }
}
